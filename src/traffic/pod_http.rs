//! HTTP to one port of a pod, over a port-forward. The connection is kept open between requests.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::cluster::api::port_forward::PortForward;
use crate::cluster::{Cluster, RequestError};
use crate::text::shorten;

/// The most characters of what a node or a pod says about a failure.
const MAX_REASON_CHARS: usize = 200;

/// Why a pod did not answer.
#[derive(Debug, thiserror::Error)]
pub enum PodHttpError {
    #[error("{}", .0.cause)]
    Request(#[from] RequestError),
    #[error("{}", .why.as_deref().unwrap_or("the connection was cut"))]
    Cut { why: Option<String> },
}

/// A connection to a port of a pod.
#[derive(Debug)]
pub struct PodHttp {
    forward: PortForward,
    sender: SendRequest<Full<Bytes>>,
    connection: AbortHandle,
    port: u16,
}

impl PodHttp {
    /// # Errors
    /// If the API server refuses the port-forward, or the connection fails.
    pub async fn connect(
        cluster: &Cluster,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<Self, PodHttpError> {
        let (forward, stream) = PortForward::open(cluster, namespace, pod, port).await?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let Ok((sender, connection)) = handshake else {
            return Err(cut(&forward, port));
        };
        let connection = tokio::spawn(async move {
            // The request reports how it ended.
            let _ = connection.await;
        });
        Ok(Self {
            forward,
            sender,
            connection: connection.abort_handle(),
            port,
        })
    }

    /// Sends a request. Its body, if any, is whole.
    ///
    /// # Errors
    /// If the connection ends before the headers of the response.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, PodHttpError> {
        let sent = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        match sent.await {
            Ok(response) => Ok(response),
            Err(_) => Err(self.cut().await),
        }
    }

    /// Returns the error of a connection that has ended. What the node says about it may come a
    /// moment later.
    pub async fn cut(&self) -> PodHttpError {
        const REASON_TIMEOUT: Duration = Duration::from_millis(200);
        let _ = timeout(REASON_TIMEOUT, self.forward.ended()).await;
        cut(&self.forward, self.port)
    }
}

impl Drop for PodHttp {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn cut(forward: &PortForward, port: u16) -> PodHttpError {
    let why = forward.why_it_ended();
    PodHttpError::Cut {
        why: why.map(|why| shorten(&reason(&why, port), MAX_REASON_CHARS)),
    }
}

/// Returns the part of a node's message that is not about the pod's name and its sandbox.
fn reason(message: &str, port: u16) -> String {
    let last = message.rsplit_once("connect: ").map(|(_, last)| last);
    match last {
        Some(last) => format!("port {port}: {}", last.trim()),
        None => message.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_node_is_shortened() {
        let message = "error forwarding port 4191 to pod 9f, uid : failed to execute portforward \
                       in network namespace \"/var/run/netns/cni-5\": failed to connect to \
                       localhost:4191 inside namespace \"9f\", IPv4: dial tcp4 127.0.0.1:4191: \
                       connect: connection refused";
        assert_eq!(reason(message, 4191), "port 4191: connection refused");
        assert_eq!(reason("no such pod\n", 4191), "no such pod");
    }
}
