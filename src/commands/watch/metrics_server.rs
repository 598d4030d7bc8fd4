//! Serves the metrics and the health endpoints over HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};

use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::watch::{Metrics, TextFormat};

/// Further connections are closed.
const MAX_CONNECTIONS: usize = 16;
/// The number of scrapes that are encoded and sent at once: those of thousands of groups take
/// megabytes each. Others wait.
const MAX_SCRAPES: usize = 2;
const METRICS_PATH: &str = "/metrics";
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEAD_BYTES: usize = 8 * 1024;
const MAX_HEAD_LINES: usize = 50;
/// The delay after a connection could not be accepted, perhaps for lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

const UNWRITTEN: &str = "the metrics cannot be written\n";
const TEXT: &str = "text/plain; charset=utf-8";

/// Serves until it is dropped.
#[derive(Debug)]
pub struct MetricsServer(JoinHandle<()>);

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl MetricsServer {
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn start(
        address: SocketAddr,
        metrics: Metrics,
        streams: &Streams,
    ) -> Result<Self, Problem> {
        let failed = |cause: std::io::Error| {
            let cause = cause.kind().to_string();
            Problem::new(format!("can't listen on {address}: {cause}"))
                .next("choose another address with --metrics, such as 9091 or 0.0.0.0:9090")
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        streams.say_with_time(&format!("serving metrics on http://{address}/metrics"));
        Ok(Self(tokio::spawn(accept_all(listener, metrics))))
    }
}

async fn accept_all(listener: TcpListener, metrics: Metrics) {
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let scrapes = Arc::new(Semaphore::new(MAX_SCRAPES));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&free).try_acquire_owned() else {
            continue;
        };
        let (metrics, scrapes) = (metrics.clone(), Arc::clone(&scrapes));
        tokio::spawn(async move {
            let _permit = permit;
            if timeout(CONNECTION_TIMEOUT, serve(stream, metrics, &scrapes))
                .await
                .is_err()
            {
                tracing::debug!("a client of the metrics server took too long");
            }
        });
    }
}

async fn serve(stream: TcpStream, metrics: Metrics, scrapes: &Semaphore) {
    // Held until the answer is sent. A connection has one request.
    let scrape = OnceCell::new();
    let answer = service_fn(|request: Request<Incoming>| {
        let (metrics, scrape) = (metrics.clone(), &scrape);
        async move {
            if request.uri().path() == METRICS_PATH {
                // The semaphore is never closed.
                let _ = scrape.get_or_try_init(|| scrapes.acquire()).await;
            }
            // Not on the thread of the event loops: thousands of groups take a while.
            let answer = spawn_blocking(move || answer(&request, &metrics)).await;
            let failed = |_| text(StatusCode::INTERNAL_SERVER_ERROR, UNWRITTEN.to_owned());
            Ok::<_, Infallible>(answer.unwrap_or_else(failed))
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEAD_LINES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(cause) = served {
        tracing::debug!(%cause, "a client of the metrics server was not served");
    }
}

fn answer<B>(request: &Request<B>, metrics: &Metrics) -> Response<Full<Bytes>> {
    // hyper leaves out the body of an answer to HEAD.
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refused = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and HEAD are served\n".to_owned(),
        );
        let allowed = http::HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(http::header::ALLOW, allowed);
        return refused;
    }
    match request.uri().path() {
        METRICS_PATH => {
            let accept = request.headers().get_all(ACCEPT).iter();
            let format = TextFormat::negotiate(accept.filter_map(|header| header.to_str().ok()));
            match metrics.text(format) {
                Ok(text) => respond(StatusCode::OK, format.content_type(), text),
                Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, UNWRITTEN.to_owned()),
            }
        }
        "/healthz" => verdict(&metrics.stuck(), "stuck"),
        "/readyz" => verdict(&metrics.not_ready(), "not in sync"),
        _ => text(
            StatusCode::NOT_FOUND,
            "not found; try /metrics, /healthz or /readyz\n".to_owned(),
        ),
    }
}

fn verdict(contexts: &[String], trouble: &str) -> Response<Full<Bytes>> {
    if contexts.is_empty() {
        return text(StatusCode::OK, "ok\n".to_owned());
    }
    text(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("{trouble}: {}\n", contexts.join(", ")),
    )
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    respond(status, TEXT, body)
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Answers one request with these permits for scrapes.
    async fn ask(path: &str, scrapes: &Semaphore) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, Metrics::default(), scrapes).await;
        };
        tokio::join!(client, server).0
    }

    #[tokio::test]
    async fn scrapes_wait_for_each_other_and_probes_do_not() {
        let scrapes = Semaphore::new(0);
        assert!(ask("/readyz", &scrapes).await.contains("no cluster yet"));
        let waits = ask("/metrics", &scrapes);
        tokio::pin!(waits);
        let soon = timeout(Duration::from_millis(50), &mut waits).await;
        assert!(soon.is_err(), "{soon:?}");
        scrapes.add_permits(1);
        assert!(waits.await.contains("failover_build_info"));
        assert_eq!(scrapes.available_permits(), 1);
    }
}
