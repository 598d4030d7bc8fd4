//! An HTTP server with scripted answers.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A server that answers as a test wants. For answers that a real control plane gives only by
/// chance or under duress.
pub struct ScriptedServer {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    headers: Arc<Mutex<Vec<String>>>,
}

impl ScriptedServer {
    /// `answer` returns the status and the body for a method and a path with its query.
    pub async fn start(
        answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let url = format!(
            "http://{}",
            listener.local_addr().expect("the listener has an address")
        );
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let headers = Arc::<Mutex<Vec<String>>>::default();
        let (answer, seen, heard) = (Arc::new(answer), requests.clone(), headers.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, seen, heard) = (answer.clone(), seen.clone(), heard.clone());
                tokio::spawn(async move {
                    // A client may go away early. The test decides whether that is right.
                    let _ = serve(stream, &*answer, &seen, &heard).await;
                });
            }
        });
        Self {
            url,
            requests,
            headers,
        }
    }

    /// All headers so far as `name: value`, the names in lower case.
    pub fn headers(&self) -> Vec<String> {
        self.headers
            .lock()
            .expect("no test thread panicked")
            .clone()
    }

    /// All requests so far as `METHOD PATH`.
    pub fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .expect("no test thread panicked")
            .clone()
    }
}

/// Serves one request and ends the connection.
async fn serve(
    stream: TcpStream,
    answer: &(dyn Fn(&str, &str) -> (u16, String) + Send + Sync),
    seen: &Mutex<Vec<String>>,
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let length = body_length(&mut stream, heard).await?;
    stream.read_exact(&mut vec![0; length]).await?;
    seen.lock()
        .expect("no test thread panicked")
        .push(format!("{method} {path}"));
    let (status, body) = answer(&method, &path);
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    stream
        .write_all(format!("{head}content-type: application/json\r\n\r\n{body}").as_bytes())
        .await?;
    stream.shutdown().await
}

/// Reads and records the headers. Returns the length of the body.
async fn body_length(
    stream: &mut BufReader<TcpStream>,
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        match line.trim().split_once(':') {
            Some((name, value)) => {
                let header = format!("{}: {}", name.to_lowercase(), value.trim());
                heard.lock().expect("no test thread panicked").push(header);
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap_or_default();
                }
            }
            None => return Ok(length),
        }
    }
}
