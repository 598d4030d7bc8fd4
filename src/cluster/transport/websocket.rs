//! The client's side of a WebSocket (RFC 6455), as far as a port-forward needs it.
//!
//! kube's `ws` feature and tokio-tungstenite have more, which the binary would have to carry:
//! messages in memory, compression, servers, random numbers and SHA-1 of their own. Here, data is
//! passed on as it arrives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use http::header::{SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// What RFC 6455 appends to the key before it is hashed.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The most bytes that are read or written at once.
const CHUNK_BYTES: usize = 16 * 1024;
const MAX_CONTROL_BYTES: u64 = 125;

/// The headers that ask for a WebSocket.
#[derive(Debug)]
pub struct WebSocketRequest {
    key: String,
    protocol: &'static str,
}

impl WebSocketRequest {
    pub fn new(protocol: &'static str) -> Self {
        let mut key = [0; 16];
        fastrand::fill(&mut key);
        Self {
            key: STANDARD.encode(key),
            protocol,
        }
    }

    pub fn add_to(&self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(self.protocol),
        );
        if let Ok(key) = HeaderValue::try_from(&self.key) {
            headers.insert(SEC_WEBSOCKET_KEY, key);
        }
    }

    /// Whether the headers of the response belong to this request.
    pub fn is_accepted(&self, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| headers.get(name)?.to_str().ok();
        let accepted = digest(
            &SHA1_FOR_LEGACY_USE_ONLY,
            format!("{}{ACCEPT_SUFFIX}", self.key).as_bytes(),
        );
        text(UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
            && text(SEC_WEBSOCKET_ACCEPT) == Some(&STANDARD.encode(accepted))
            && text(SEC_WEBSOCKET_PROTOCOL) == Some(self.protocol)
    }
}

/// Why a WebSocket ended.
#[derive(Debug, thiserror::Error)]
pub enum WebSocketError {
    #[error("the connection was cut")]
    Io(#[from] std::io::Error),
    #[error("the API server sent what is not a WebSocket frame")]
    Protocol,
}

/// A part of what the server sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// The next bytes of a message, which may go on.
    Data {
        bytes: &'a [u8],
        /// They begin a message.
        is_first: bool,
    },
    /// The server asks for these bytes back.
    Ping(&'a [u8]),
    /// The server closed the connection.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opcode {
    Continuation,
    Data,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn of(byte: u8) -> Option<Self> {
        match byte & 0x0f {
            0 => Some(Self::Continuation),
            1 | 2 => Some(Self::Data),
            8 => Some(Self::Close),
            9 => Some(Self::Ping),
            10 => Some(Self::Pong),
            _ => None,
        }
    }
}

/// Reads the frames of a server.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    /// What is left of the current data frame.
    left: u64,
    is_first: bool,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub fn new(stream: R) -> Self {
        Self {
            stream,
            left: 0,
            is_first: false,
            buffer: vec![0; CHUNK_BYTES],
        }
    }

    /// Returns the next part.
    ///
    /// # Errors
    /// If the connection breaks, or the server does not keep to the protocol.
    pub async fn next(&mut self) -> Result<Part<'_>, WebSocketError> {
        while self.left == 0 {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).await?;
            let [first, second] = head;
            let opcode = Opcode::of(first).ok_or(WebSocketError::Protocol)?;
            let length = self.length(second).await?;
            match opcode {
                Opcode::Close => return Ok(Part::Close),
                Opcode::Data | Opcode::Continuation => {
                    self.left = length;
                    self.is_first = opcode == Opcode::Data;
                }
                Opcode::Ping | Opcode::Pong => {
                    if length > MAX_CONTROL_BYTES {
                        return Err(WebSocketError::Protocol);
                    }
                    let length = usize::try_from(length).unwrap_or_default();
                    let payload = self.buffer.get_mut(..length).unwrap_or_default();
                    self.stream.read_exact(payload).await?;
                    if opcode == Opcode::Ping {
                        let payload = self.buffer.get(..length).unwrap_or_default();
                        return Ok(Part::Ping(payload));
                    }
                }
            }
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let room = self.buffer.len().min(most);
        let room = self.buffer.get_mut(..room).unwrap_or_default();
        let read = self.stream.read(room).await?;
        if read == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        self.left -= read as u64;
        Ok(Part::Data {
            bytes: self.buffer.get(..read).unwrap_or_default(),
            is_first: std::mem::take(&mut self.is_first),
        })
    }

    /// Reads the rest of the length. Frames of a server have no mask.
    async fn length(&mut self, second: u8) -> Result<u64, WebSocketError> {
        match second {
            126 => Ok(self.stream.read_u16().await?.into()),
            127 => Ok(self.stream.read_u64().await?),
            0..126 => Ok(second.into()),
            _ => Err(WebSocketError::Protocol),
        }
    }
}

/// Writes the frames of a client.
#[derive(Debug)]
pub struct FrameWriter<W> {
    stream: W,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub fn new(stream: W) -> Self {
        Self { stream }
    }

    /// Writes a message of binary data, in two parts that follow each other.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn data(&mut self, prefix: &[u8], bytes: &[u8]) -> std::io::Result<()> {
        self.frame(2, prefix, bytes).await
    }

    /// Answers a ping.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn pong(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.frame(10, &[], bytes).await
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn close(&mut self) -> std::io::Result<()> {
        self.frame(8, &[], &[]).await?;
        self.stream.shutdown().await
    }

    async fn frame(&mut self, opcode: u8, prefix: &[u8], bytes: &[u8]) -> std::io::Result<()> {
        const FINAL: u8 = 0x80;
        const MASKED: u8 = 0x80;
        let length = prefix.len() + bytes.len();
        let mut frame = Vec::with_capacity(length + 14);
        frame.push(FINAL | opcode);
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ 0..126), _) => frame.push(MASKED | short),
            (_, Ok(long)) => {
                frame.push(MASKED | 126);
                frame.extend(long.to_be_bytes());
            }
            _ => {
                frame.push(MASKED | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        let mask = fastrand::u32(..).to_be_bytes();
        frame.extend(mask);
        let payload = prefix.iter().chain(bytes);
        frame.extend(
            payload
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        self.stream.write_all(&frame).await?;
        self.stream.flush().await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(work)
    }

    /// Returns the messages in what a server sent, and how it ended.
    async fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, Option<WebSocketError>) {
        let mut reader = FrameReader::new(bytes);
        let (mut messages, mut pings) = (Vec::<Vec<u8>>::new(), Vec::new());
        loop {
            match reader.next().await {
                Ok(Part::Data { bytes, is_first }) => {
                    if is_first || messages.is_empty() {
                        messages.push(Vec::new());
                    }
                    messages.last_mut().unwrap().extend(bytes);
                }
                Ok(Part::Ping(bytes)) => pings.push(bytes.to_vec()),
                Ok(Part::Close) => return (messages, pings, None),
                Err(error) => return (messages, pings, Some(error)),
            }
        }
    }

    #[test]
    fn messages_may_come_in_several_frames_with_pings_between() {
        let sent = b"\x02\x02ab\x89\x01p\x8a\x00\x80\x01c\x82\x7e\x00\x03def\x88\x00";
        let (messages, pings, error) = block_on(read(sent));
        assert_eq!(messages, [b"abc", b"def"]);
        assert_eq!(pings, [b"p"]);
        assert!(error.is_none());
    }

    #[test]
    fn what_is_not_a_frame_of_a_server_is_refused() {
        for sent in [&b"\x83\x00"[..], b"\x82\x81mask1", b"\x89\x7e\x00\x7e"] {
            let (_, _, error) = block_on(read(sent));
            assert!(matches!(error, Some(WebSocketError::Protocol)), "{sent:?}");
        }
        let (messages, _, error) = block_on(read(b"\x82\x05ab"));
        assert_eq!(messages, [b"ab"]);
        assert_eq!(error.unwrap().to_string(), "the connection was cut");
    }

    #[test]
    fn the_accepted_key_is_that_of_the_rfc() {
        let request = WebSocketRequest {
            key: "dGhlIHNhbXBsZSBub25jZQ==".to_owned(),
            protocol: "v4.channel.k8s.io",
        };
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
        let accepted = HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
        assert!(!request.is_accepted(&headers));
        let protocol = HeaderValue::from_static("v4.channel.k8s.io");
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        assert!(request.is_accepted(&headers));
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = block_on(read(&bytes));
        }

        #[test]
        fn frames_are_masked_and_of_the_right_length(length in prop_oneof![0..300_usize, 65_500..65_600_usize]) {
            let sent = block_on(async {
                let mut sent = Vec::new();
                let bytes = vec![b'x'; length];
                FrameWriter::new(&mut sent).data(&[0], &bytes).await.unwrap();
                sent
            });
            let (head, mask) = match sent[1] & 0x7f {
                126 => (4, &sent[4..8]),
                127 => (10, &sent[10..14]),
                _ => (2, &sent[2..6]),
            };
            prop_assert!(sent[0] == 0x82 && sent[1] & 0x80 != 0);
            let payload = sent[head + 4..].iter().zip(mask.iter().cycle());
            let payload: Vec<u8> = payload.map(|(byte, mask)| byte ^ mask).collect();
            prop_assert_eq!(payload, [vec![0], vec![b'x'; length]].concat());
        }
    }
}
