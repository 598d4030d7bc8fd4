//! The admin port of one simulated proxy: serves its metrics on a port of this machine.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::client::SimulatedClient;

/// The delay after a connection could not be accepted, perhaps for lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
const TEXT: &str = "text/plain; version=0.0.4";

/// Listens on a free port.
pub async fn listen() -> std::io::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Serves the metrics of a client until this is dropped.
pub async fn serve(listener: TcpListener, client: SimulatedClient) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, client.clone()));
                }
                Err(_) => sleep(ACCEPT_RETRY_DELAY).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, client: SimulatedClient) {
    let answer = service_fn(|request: Request<Incoming>| {
        let answer = answer(request.method(), request.uri().path(), &client);
        async { Ok::<_, Infallible>(answer) }
    });
    // A client that closes its connection early is no error here.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

fn answer(method: &Method, path: &str, client: &SimulatedClient) -> Response<Full<Bytes>> {
    let (status, text) = if method == Method::GET && path == "/metrics" {
        (StatusCode::OK, client.metrics())
    } else {
        let text = "this is a simulated proxy, which serves only /metrics\n".to_owned();
        (StatusCode::NOT_FOUND, text)
    };
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(TEXT));
    answer
}
