//! A proxy in front of a real API server that injects the faults of a script and records all
//! requests. It speaks plain HTTP/1.1 to the plugin, one connection for each request.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{Method, Request};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use jiff::fmt::rfc2822;
use kube::client::Body;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::faults::{Fault, Recorded, Rule};
use super::namespace::Side;
use super::wait::eventually;

struct Shared {
    upstream: kube::Client,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Recorded>>,
    /// Counts how often all streams were cut.
    cuts: watch::Sender<u32>,
    /// In seconds.
    clock_ahead: AtomicI64,
}

pub struct FaultProxy {
    shared: Arc<Shared>,
    kubeconfig: NamedTempFile,
}

impl FaultProxy {
    /// Starts a proxy in front of the API server of one side. It runs as long as the test.
    pub async fn before(side: &Side) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let shared = Arc::new(Shared {
            upstream: side.client.clone(),
            rules: Mutex::default(),
            seen: Mutex::default(),
            cuts: watch::Sender::new(0),
            clock_ahead: AtomicI64::new(0),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&serving), stream));
            }
        });
        Self {
            shared,
            kubeconfig: kubeconfig(side.context, address),
        }
    }

    pub fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    /// Injects this fault into the next `times` requests of this method whose path and query
    /// contain `path`. With stars in it, `path` matches when its parts occur in their order.
    pub fn inject(&self, method: Method, path: &str, times: usize, fault: Fault) {
        self.add(Rule::new(method, path, times, fault));
    }

    /// Injects these faults, in turn, into one in `every` matching requests, until
    /// [`FaultProxy::heal`].
    pub fn disturb(&self, method: Method, path: &str, every: usize, faults: &[Fault]) {
        self.add(Rule::recurring(method, path, every, faults));
    }

    fn add(&self, rule: Rule) {
        self.shared
            .rules
            .lock()
            .expect("no test panics here")
            .push(rule);
    }

    /// Moves the API server's clock ahead of this machine's, or behind it.
    pub fn shift_clock(&self, ahead: SignedDuration) {
        self.shared
            .clock_ahead
            .store(ahead.as_secs(), Ordering::Relaxed);
    }

    /// Removes all faults that have not happened yet.
    pub fn heal(&self) {
        self.shared
            .rules
            .lock()
            .expect("no test panics here")
            .clear();
    }

    /// Cuts every open stream.
    pub fn cut_streams(&self) {
        self.shared.cuts.send_modify(|count| *count += 1);
    }

    /// The requests so far of this method whose path and query contain `path`.
    pub fn seen(&self, method: &Method, path: &str) -> Vec<Recorded> {
        let seen = self.shared.seen.lock().expect("no test panics here");
        seen.iter()
            .filter(|it| it.is(method, path))
            .cloned()
            .collect()
    }

    /// The writes to TrafficSplits so far.
    pub fn writes(&self) -> usize {
        self.seen(&Method::PATCH, "/trafficsplits/").len()
    }

    /// Waits until this many requests of this method, with `path` in path and query, have come.
    pub async fn until_seen(&self, method: Method, path: &str, count: usize) {
        eventually(&format!("{count} times {method} {path}"), async || {
            let seen = self.seen(&method, path).len();
            if seen >= count {
                Ok(())
            } else {
                Err(seen.to_string())
            }
        })
        .await;
    }
}

impl Shared {
    /// Records a request. Returns its index, and the fault that the script has for it.
    fn take(&self, method: &Method, path: &str) -> (usize, Option<Fault>) {
        let mut seen = self.seen.lock().expect("no test panics here");
        let at = Instant::now();
        seen.push(Recorded {
            method: method.clone(),
            path: path.to_owned(),
            at,
            status: None,
        });
        let mut rules = self.rules.lock().expect("no test panics here");
        (
            seen.len() - 1,
            rules.iter_mut().find_map(|rule| rule.take(method, path)),
        )
    }

    fn answered(&self, place: usize, status: u16) {
        self.seen.lock().expect("no test panics here")[place].status = Some(status);
    }

    /// A `Date` header that follows the script's clock.
    fn date(&self, date: &str) -> String {
        let ahead = SignedDuration::from_secs(self.clock_ahead.load(Ordering::Relaxed));
        let shifted = rfc2822::parse(date)
            .ok()
            .and_then(|date| date.timestamp().checked_add(ahead).ok());
        let printed = shifted.and_then(|date| {
            rfc2822::DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&date)
                .ok()
        });
        printed.unwrap_or_else(|| date.to_owned())
    }
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

/// Serves one request. The plugin sends one request on each connection.
async fn serve(shared: Arc<Shared>, mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Some(request) = read(&mut stream).await else {
        return;
    };
    let (method, path) = (request.method().clone(), request.uri().to_string());
    let (place, fault) = shared.take(&method, &path);
    match fault {
        Some(Fault::Answer(code, retry_after)) => {
            shared.answered(place, code);
            let _ = answer(&mut stream, code, retry_after, &status(code)).await;
            return;
        }
        Some(Fault::Expired) => {
            let event = json!({"type": "ERROR", "object": serde_json::from_str::<Value>(&status(410)).ok()});
            let _ = answer(&mut stream, 200, None, &format!("{event}\n")).await;
            return;
        }
        Some(Fault::Hang) => {
            // Until the client gives up.
            let _ = stream.read(&mut [0]).await;
            return;
        }
        Some(Fault::Silent) => {
            let head = "HTTP/1.1 200 Scripted\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.read(&mut [0]).await;
            return;
        }
        Some(Fault::CutBefore) => return,
        Some(Fault::Wait(ref gate)) => gate.notified().await,
        Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
        Some(Fault::CutAfter | Fault::Hold) | None => {}
    }
    let mut cuts = shared.cuts.subscribe();
    let forwarding = forward(&shared, place, request, &mut stream, fault.as_ref());
    tokio::select! {
        _ = forwarding => {}
        _ = cuts.changed() => {}
    }
}

/// Reads the next request. Returns none if the connection ends first.
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

/// Passes a request on and streams the answer back. The end of the connection ends the answer.
async fn forward(
    shared: &Shared,
    place: usize,
    request: Request<Body>,
    stream: &mut TcpStream,
    fault: Option<&Fault>,
) -> Option<()> {
    let answer = shared.upstream.send(request).await.ok()?;
    let (parts, mut body) = answer.into_parts();
    shared.answered(place, parts.status.as_u16());
    match fault {
        Some(Fault::CutAfter) => {
            let _ = body.collect().await;
            return None;
        }
        Some(Fault::Hold) => body = Body::from(body.collect().await.ok()?.to_bytes()),
        _ => {}
    }
    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", parts.status);
    for name in [CONTENT_TYPE, DATE, RETRY_AFTER] {
        if let Some(value) = parts
            .headers
            .get(&name)
            .and_then(|value| value.to_str().ok())
        {
            let value = if name == DATE {
                shared.date(value)
            } else {
                value.to_owned()
            };
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    stream
        .write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes())
        .await
        .ok()?;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        if data.is_empty() {
            continue;
        }
        let chunk = [format!("{:x}\r\n", data.len()).as_bytes(), &data, b"\r\n"].concat();
        stream.write_all(&chunk).await.ok()?;
    }
    stream.write_all(b"0\r\n\r\n").await.ok()
}

async fn answer(
    stream: &mut TcpStream,
    code: u16,
    wait: Option<u32>,
    body: &str,
) -> std::io::Result<()> {
    let wait = wait.map_or(String::new(), |seconds| {
        format!("retry-after: {seconds}\r\n")
    });
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {code} Scripted\r\nconnection: close\r\ncontent-length: {length}\r\n{wait}\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}

fn status(code: u16) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "as scripted"})
        .to_string()
}

/// How long to observe a watch that must not do something: long enough for it to do it many times.
pub const OBSERVATION_TIME: Duration = Duration::from_millis(1500);
