use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A server that answers as a test tells it to: for what a real control plane does only by chance or under duress.
pub struct ScriptedServer {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    headers: Arc<Mutex<Vec<String>>>,
}

impl ScriptedServer {
    /// `answer` gives the status and the body for a method and a path with its query.
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
                    // A client that goes away early is the test's to judge.
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

    /// `name: value` of every header so far, the names in lower case.
    pub fn headers(&self) -> Vec<String> {
        self.headers
            .lock()
            .expect("no test thread panicked")
            .clone()
    }

    /// `METHOD PATH` of every request so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .expect("no test thread panicked")
            .clone()
    }
}

/// One request, one answer, and the end of the connection.
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

/// Reads the headers to their end, and keeps them.
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
