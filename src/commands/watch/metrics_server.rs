//! The figures over HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::output::terminal::say;
use crate::problem::Problem;
use crate::watch::Metrics;

/// How many connections are served at once; more are closed.
const MOST_CONNECTIONS: usize = 16;
/// How long the head of a request may take, and how long a whole connection.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(10);
/// The most bytes and lines of the head of a request.
const HEAD_BYTES: usize = 8 * 1024;
const HEAD_LINES: usize = 50;
/// After a connection could not be taken, for want of descriptors perhaps.
const PAUSE: Duration = Duration::from_millis(100);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Serves until it is dropped.
#[derive(Debug)]
pub struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// # Errors
    /// Where the address can't be listened on.
    pub async fn start(address: SocketAddr, metrics: Metrics) -> Result<Self, Problem> {
        let failed = |cause: std::io::Error| {
            Problem::new(format!("no metrics can be served on {address}: {cause}"))
                .next("choose another address with --metrics, such as 9091 or 0.0.0.0:9090")
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        say(&format!("metrics are served on http://{address}/metrics"));
        Ok(Self(tokio::spawn(accept_all(listener, metrics))))
    }
}

async fn accept_all(listener: TcpListener, metrics: Metrics) {
    let free = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&free).try_acquire_owned() else {
            continue;
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            let _permit = permit;
            if timeout(LIMIT, serve(stream, metrics)).await.is_err() {
                tracing::debug!("a client of the metrics took too long");
            }
        });
    }
}

async fn serve(stream: TcpStream, metrics: Metrics) {
    let answer = service_fn(|request: Request<Incoming>| {
        let answer = answer(request.method(), request.uri().path(), &metrics);
        async { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_LINES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(cause) = served {
        tracing::debug!(%cause, "a client of the metrics was not served");
    }
}

fn answer(method: &Method, path: &str, metrics: &Metrics) -> Response<Full<Bytes>> {
    if method != Method::GET {
        return text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET is served\n".to_owned(),
        );
    }
    match path {
        "/metrics" => match metrics.text() {
            Ok(figures) => respond(StatusCode::OK, OPEN_METRICS, figures),
            Err(_) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the figures cannot be written\n".to_owned(),
            ),
        },
        "/healthz" => verdict(&metrics.stuck(), "stuck"),
        "/readyz" => verdict(&metrics.not_ready(), "not all is read and heard"),
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /metrics, /healthz and /readyz\n".to_owned(),
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
