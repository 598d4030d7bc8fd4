//! A proxy before a real API server: it does what the script says to some requests and notes all of them.
//! It speaks plain HTTP/1.1 to the plugin, one connection for each request.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use super::namespace::Side;
use super::wait::eventually;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is answered here, with this code and perhaps Retry-After.
    Answer(u16, Option<u32>),
    /// It never gets an answer.
    Hang,
    /// The connection is cut before the API server hears of it.
    CutBefore,
    /// The connection is cut after the API server has done it.
    CutAfter,
    /// It waits until the gate is opened.
    Wait(Arc<Notify>),
    /// A watch tells one ERROR event with code 410.
    Expired,
}

struct Rule {
    method: Method,
    path: String,
    left: usize,
    fault: Fault,
}

#[derive(Debug, Clone)]
pub struct Recorded {
    pub method: Method,
    /// With the query.
    pub path: String,
    pub at: std::time::Instant,
}

struct Shared {
    upstream: kube::Client,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Recorded>>,
    /// Counts the times when all streams are cut.
    cuts: watch::Sender<u32>,
}

pub struct FaultProxy {
    shared: Arc<Shared>,
    kubeconfig: NamedTempFile,
}

impl FaultProxy {
    /// A proxy before the API server of one side; it runs as long as the test.
    pub async fn before(side: &Side) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let shared = Arc::new(Shared {
            upstream: side.client.clone(),
            rules: Mutex::default(),
            seen: Mutex::default(),
            cuts: watch::Sender::new(0),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&serving), stream));
            }
        });
        Self { shared, kubeconfig: kubeconfig(side.context, address) }
    }

    pub fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    /// Does this to the next `times` requests of this method whose path and query contain `path`: its parts, where
    /// it has stars in it, in their order.
    pub fn inject(&self, method: Method, path: &str, times: usize, fault: Fault) {
        let rule = Rule { method, path: path.to_owned(), left: times, fault };
        self.shared.rules.lock().expect("no test panics here").push(rule);
    }

    /// Ends all faults that have not yet come to pass.
    pub fn heal(&self) {
        self.shared.rules.lock().expect("no test panics here").clear();
    }

    /// Cuts every stream that is open.
    pub fn cut_streams(&self) {
        self.shared.cuts.send_modify(|count| *count += 1);
    }

    /// The requests so far of this method whose path and query contain `path`.
    pub fn seen(&self, method: &Method, path: &str) -> Vec<Recorded> {
        let seen = self.shared.seen.lock().expect("no test panics here");
        seen.iter().filter(|it| it.method == method && fits(path, &it.path)).cloned().collect()
    }

    /// The writes to TrafficSplits so far.
    pub fn writes(&self) -> usize {
        self.seen(&Method::PATCH, "/trafficsplits/").len()
    }

    /// Waits until so many requests of this method, with `path` in path and query, have come.
    pub async fn until_seen(&self, method: Method, path: &str, count: usize) {
        eventually(&format!("{count} times {method} {path}"), async || {
            let seen = self.seen(&method, path).len();
            if seen >= count { Ok(()) } else { Err(seen.to_string()) }
        })
        .await;
    }
}

impl Shared {
    /// The fault for a request, if the script has one.
    fn take(&self, method: &Method, path: &str) -> Option<Fault> {
        self.seen.lock().ok()?.push(Recorded {
            method: method.clone(),
            path: path.to_owned(),
            at: std::time::Instant::now(),
        });
        let mut rules = self.rules.lock().ok()?;
        let applies = |rule: &&mut Rule| rule.left > 0 && rule.method == method && fits(&rule.path, path);
        let rule = rules.iter_mut().find(applies)?;
        rule.left -= 1;
        Some(rule.fault.clone())
    }
}

/// Whether the parts of a pattern, between its stars, stand in a text in their order.
fn fits(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    pattern.split('*').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

fn kubeconfig(context: &str, address: SocketAddr) -> NamedTempFile {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": context, "user": {}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    });
    let file = NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), config.to_string()).expect("the kubeconfig can be written");
    file
}

/// One request and its answer. The plugin sends what belongs to one request on one connection.
async fn serve(shared: Arc<Shared>, mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Some(request) = read(&mut stream).await else { return };
    let (method, path) = (request.method().clone(), request.uri().to_string());
    let fault = shared.take(&method, &path);
    match fault {
        Some(Fault::Answer(code, retry_after)) => {
            let _ = answer(&mut stream, code, retry_after, &status(code)).await;
            return;
        }
        Some(Fault::Expired) => {
            let event = json!({"type": "ERROR", "object": serde_json::from_str::<Value>(&status(410)).ok()});
            let _ = answer(&mut stream, 200, None, &format!("{event}\n")).await;
            return;
        }
        Some(Fault::Hang) => {
            // Until the other side gives up.
            let _ = stream.read(&mut [0]).await;
            return;
        }
        Some(Fault::CutBefore) => return,
        Some(Fault::Wait(ref gate)) => gate.notified().await,
        Some(Fault::CutAfter) | None => {}
    }
    let mut cuts = shared.cuts.subscribe();
    let forwarding = forward(&shared, request, &mut stream, matches!(fault, Some(Fault::CutAfter)));
    tokio::select! {
        _ = forwarding => {}
        _ = cuts.changed() => {}
    }
}

/// The next request; none where the connection ends before.
async fn read(stream: &mut TcpStream) -> Option<Request<Body>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?);
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "accept" | "content-type" => request = request.header(name, value.trim()),
            _ => {}
        }
    }
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    request.body(Body::from(body)).ok()
}

/// Passes a request on, and the answer back as it comes; the end of the connection is the end of the answer.
async fn forward(shared: &Shared, request: Request<Body>, stream: &mut TcpStream, cut: bool) -> Option<()> {
    let answer = shared.upstream.send(request).await.ok()?;
    let (parts, mut body) = answer.into_parts();
    if cut {
        let _ = body.collect().await;
        return None;
    }
    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", parts.status);
    for name in [http::header::CONTENT_TYPE, http::header::DATE, http::header::RETRY_AFTER] {
        if let Some(value) = parts.headers.get(&name).and_then(|value| value.to_str().ok()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    stream.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.ok()?;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        if data.is_empty() {
            continue;
        }
        let chunk = [format!("{:x}\r\n", data.len()).as_bytes(), &data, b"\r\n"].concat();
        stream.write_all(&chunk).await.ok()?;
    }
    stream.write_all(b"0\r\n\r\n").await.ok()
}

async fn answer(stream: &mut TcpStream, code: u16, wait: Option<u32>, body: &str) -> std::io::Result<()> {
    let wait = wait.map_or(String::new(), |seconds| format!("retry-after: {seconds}\r\n"));
    let length = body.len();
    let head =
        format!("HTTP/1.1 {code} Scripted\r\nconnection: close\r\ncontent-length: {length}\r\n{wait}\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}

fn status(code: u16) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "as scripted"})
        .to_string()
}

/// How long to look at a loop that must not do something: as long as it would need to do it many times.
pub const A_WHILE: Duration = Duration::from_millis(1500);
