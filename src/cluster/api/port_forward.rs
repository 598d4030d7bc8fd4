//! A port-forward to one port of a pod, over a WebSocket (protocol `v4.channel.k8s.io`, which every
//! supported kubelet speaks).
//!
//! Each message begins with its channel: 0 for the data, 1 for the error. The first two bytes of a
//! channel are the port.

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kube::core::request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::cluster::transport::api_resource::{PODS, path_segment};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::cluster::transport::websocket::{
    FrameReader, FrameWriter, Part, WebSocketError, WebSocketRequest,
};

const PROTOCOL: &str = "v4.channel.k8s.io";
const DATA_CHANNEL: u8 = 0;
const ERROR_CHANNEL: u8 = 1;
/// The port at the beginning of each channel.
const PORT_BYTES: usize = 2;
/// What is kept of the error channel.
const MAX_FORWARD_ERROR_BYTES: usize = 1000;
/// What may wait between the pod and the reader.
const FORWARD_BUFFER_BYTES: usize = 64 * 1024;
/// A server that pings faster than it is answered gets no more answers.
const MAX_PONGS: usize = 8;

/// A connection to a port of a pod. It ends when it is dropped.
#[derive(Debug)]
pub struct PortForward {
    ending: watch::Receiver<Option<Ending>>,
    pump: AbortHandle,
}

/// How a connection ended.
#[derive(Debug, Clone)]
struct Ending {
    why: Option<String>,
}

impl PortForward {
    /// Opens a connection. Returns it with the stream of bytes from and to the port.
    ///
    /// # Errors
    /// If the API server refuses. That the pod does not listen shows only later: the stream ends.
    pub async fn open(
        cluster: &Cluster,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> RequestResult<(Self, DuplexStream)> {
        let pods = PODS.collection(Some(namespace));
        let path = format!("{pods}/{}/portforward", path_segment(pod));
        let request = http::Request::get(format!("{path}?ports={port}")).body(Vec::new());
        let request = request.map_err(request::Error::BuildRequest);
        let socket = WebSocketRequest::new(PROTOCOL);
        let upgraded = cluster.upgrade(&path, request, &socket).await?;
        let (local, remote) = tokio::io::duplex(FORWARD_BUFFER_BYTES);
        let (end, ending) = watch::channel(None);
        let pump = tokio::spawn(async move {
            let (result, error) = pump(TokioIo::new(upgraded), remote).await;
            let why = error.or(result.err().map(|cause| cause.to_string()));
            end.send_replace(Some(Ending { why }));
        });
        let forward = Self {
            ending,
            pump: pump.abort_handle(),
        };
        Ok((forward, local))
    }

    /// Returns why the connection ended, if it is known: that the pod does not listen, for example.
    pub fn why_it_ended(&self) -> Option<String> {
        self.ending.borrow().clone()?.why
    }

    /// Returns when the connection has ended.
    pub async fn ended(&self) {
        let mut ending = self.ending.clone();
        let _ = ending.wait_for(Option::is_some).await;
    }
}

impl Drop for PortForward {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Passes bytes on in both directions until one side ends. Returns how it ended, and what the error
/// channel said.
async fn pump(
    server: TokioIo<Upgraded>,
    local: DuplexStream,
) -> (Result<(), WebSocketError>, Option<String>) {
    let (from_server, to_server) = tokio::io::split(server);
    let (from_local, to_local) = tokio::io::split(local);
    let (pongs, pings) = mpsc::channel(MAX_PONGS);
    let mut error = Vec::new();
    let result = tokio::select! {
        result = receive(FrameReader::new(from_server), to_local, pongs, &mut error) => result,
        result = send(FrameWriter::new(to_server), from_local, pings) => {
            result.map_err(WebSocketError::from)
        }
    };
    let error = String::from_utf8_lossy(&error).into_owned();
    (result, (!error.is_empty()).then_some(error))
}

async fn receive(
    mut server: FrameReader<ReadHalf<TokioIo<Upgraded>>>,
    mut local: WriteHalf<DuplexStream>,
    pongs: mpsc::Sender<Vec<u8>>,
    error: &mut Vec<u8>,
) -> Result<(), WebSocketError> {
    let mut channel = DATA_CHANNEL;
    // What is left of the port, for each channel.
    let mut ports = [PORT_BYTES; 2];
    loop {
        let mut bytes = match server.next().await? {
            Part::Close => return Ok(()),
            Part::Ping(bytes) => {
                let _ = pongs.try_send(bytes.to_vec());
                continue;
            }
            Part::Data { bytes, is_first } => match bytes.split_first() {
                Some((first, rest)) if is_first => {
                    channel = *first;
                    rest
                }
                _ => bytes,
            },
        };
        if let Some(port) = ports.get_mut(usize::from(channel)) {
            let skipped = bytes.len().min(*port);
            *port -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
        }
        match channel {
            DATA_CHANNEL => local.write_all(bytes).await?,
            ERROR_CHANNEL => {
                let room = MAX_FORWARD_ERROR_BYTES - error.len();
                error.extend(bytes.iter().take(room));
            }
            _ => return Err(WebSocketError::Protocol),
        }
    }
}

async fn send(
    mut server: FrameWriter<WriteHalf<TokioIo<Upgraded>>>,
    mut local: ReadHalf<DuplexStream>,
    mut pings: mpsc::Receiver<Vec<u8>>,
) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        tokio::select! {
            read = local.read(&mut buffer) => match read? {
                0 => return server.close().await,
                read => {
                    let bytes = buffer.get(..read).unwrap_or_default();
                    server.data(&[DATA_CHANNEL], bytes).await?;
                }
            },
            Some(bytes) = pings.recv() => server.pong(&bytes).await?,
        }
    }
}
