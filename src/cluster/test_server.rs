//! A scripted API server for unit tests with a paused clock.

use std::sync::Arc;
use std::time::Duration;

use kube::Config;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use super::Cluster;
use super::transport::kubeconfig::ResolvedConfig;
use crate::text::ConnectionFlags;

/// An answer: its parts and the time before each one. The first part is the head.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    parts: Vec<(Duration, String)>,
    /// The last part is sent again and again.
    is_endless: bool,
}

impl Answer {
    /// Never answers.
    pub fn hang() -> Self {
        Self::default().then(u64::MAX / 1000, "")
    }

    pub fn status(code: u16, headers: &str) -> Self {
        let body = format!(r#"{{"kind":"Status","code":{code},"message":"as scripted"}}"#);
        Self::default().then(
            0,
            &format!("HTTP/1.1 {code} Scripted\r\n{headers}\r\n{body}"),
        )
    }

    pub fn ok(body: &str) -> Self {
        Self::default().then(0, &format!("HTTP/1.1 200 OK\r\n\r\n{body}"))
    }

    /// A list with this version and these names.
    pub fn list(version: u64, names: &[&str]) -> Self {
        Self::ok(&list(version, names, "").to_string())
    }

    /// A list with a token for the next page.
    pub fn page(version: u64, names: &[&str]) -> Self {
        Self::ok(&list(version, names, "more").to_string())
    }

    /// The first object of a larger list.
    pub fn first_of(version: u64, name: &str, others: usize) -> Self {
        let mut first = list(version, &[name], "more");
        first["metadata"]["remainingItemCount"] = others.into();
        Self::ok(&first.to_string())
    }

    pub fn object(version: u64, name: &str) -> Self {
        Self::ok(&object(version, name).to_string())
    }

    /// The headers of a watch.
    pub fn watch() -> Self {
        Self::ok("")
    }

    /// Sends this after some time.
    pub fn then(mut self, millis: u64, text: &str) -> Self {
        self.parts
            .push((Duration::from_millis(millis), text.to_owned()));
        self
    }

    pub fn line(self, millis: u64, kind: &str, version: u64) -> Self {
        self.then(millis, &format!("{}\n", line(kind, version)))
    }

    pub fn end(self, millis: u64) -> Self {
        self.then(millis, "")
    }

    pub fn endless(mut self) -> Self {
        self.is_endless = true;
        self
    }

    /// Keeps everything back until the end, as a proxy that buffers responses does.
    pub fn held(self) -> Self {
        let time = self.parts.iter().map(|(time, _)| *time).sum();
        let text = self.parts.into_iter().map(|(_, text)| text).collect();
        Self {
            parts: vec![(time, text)],
            is_endless: false,
        }
    }
}

fn object(version: u64, name: &str) -> Value {
    json!({"metadata": {"name": name, "resourceVersion": version.to_string()}})
}

fn list(version: u64, names: &[&str], next_page: &str) -> Value {
    let items: Vec<_> = names.iter().map(|name| object(version, name)).collect();
    let metadata = json!({"resourceVersion": version.to_string(), "continue": next_page});
    json!({"metadata": metadata, "items": items})
}

fn line(kind: &str, version: u64) -> String {
    json!({"type": kind, "object": object(version, "x")}).to_string()
}

type Script = dyn Fn(&str) -> Answer + Send + Sync;

/// Answers `METHOD PATH` as a script says, one request on each connection.
pub struct TestServer {
    url: String,
    requests: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl TestServer {
    pub async fn start(script: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let (script, seen): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                tokio::spawn(async move {
                    let _ = serve(stream, &*script, &seen).await;
                });
            }
        });
        Self { url, requests }
    }

    pub async fn cluster(&self, timeout: Option<Duration>) -> Cluster {
        let resolved = ResolvedConfig {
            connection: Config::new(self.url.parse().unwrap()).into(),
            namespace: "default".to_owned(),
            context: "test".to_owned(),
            flags: ConnectionFlags::default(),
            user: None,
        };
        Cluster::new(resolved, None, timeout).await.unwrap()
    }

    /// The times of the requests so far that contain `text`.
    pub fn seen(&self, text: &str) -> Vec<Instant> {
        let requests = self.requests.lock();
        let seen = requests
            .iter()
            .filter(|(_, request)| request.contains(text));
        seen.map(|(at, _)| *at).collect()
    }
}

async fn serve(
    stream: TcpStream,
    script: &Script,
    seen: &Mutex<Vec<(Instant, String)>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let (mut first, mut line) = (String::new(), String::new());
    stream.read_line(&mut first).await?;
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let request: Vec<&str> = first.split(' ').take(2).collect();
    let request = request.join(" ");
    seen.lock().push((Instant::now(), request.clone()));
    let Answer { parts, is_endless } = script(&request);
    for (time, text) in &parts {
        sleep(*time).await;
        stream.write_all(text.as_bytes()).await?;
    }
    while is_endless && let Some((_, text)) = parts.last() {
        stream.write_all(text.as_bytes()).await?;
    }
    stream.shutdown().await
}
