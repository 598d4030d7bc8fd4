//! The admin port of one pod's proxy: its metrics, over one port-forward.

use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::metrics::exposition::{ExpositionReader, TooLarge};
use super::metrics::scrape::{Scrape, ScrapedGroups, TooManySeries};
use crate::cluster::api::port_forward::PortForward;
use crate::cluster::{Cluster, RequestError};
use crate::text::shorten;

/// The port `linkerd-admin` of the proxy. It is the only one that is ever asked.
const ADMIN_PORT: u16 = 4191;
/// The most characters of what a node or a proxy says about a failure.
const MAX_REASON_CHARS: usize = 200;

/// Why a proxy's metrics cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeError {
    #[error("{}", .0.cause)]
    Request(#[from] RequestError),
    #[error("{}", .why.as_deref().unwrap_or("the connection was cut"))]
    Cut { why: Option<String> },
    #[error("its proxy answered with HTTP {0}")]
    Status(StatusCode),
    #[error("it did not answer in time")]
    TimedOut,
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    #[error(transparent)]
    TooManySeries(#[from] TooManySeries),
}

impl ScrapeError {
    /// Whether the connection ended, so that a new one may help.
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Cut { .. })
    }
}

/// A scrape and when it was made.
#[derive(Debug)]
pub struct TimedScrape {
    pub at: Instant,
    pub scrape: Scrape,
}

/// A connection to the admin port of a pod. It is kept open from one scrape to the next.
#[derive(Debug)]
pub struct ProxyClient {
    forward: PortForward,
    sender: SendRequest<Empty<Bytes>>,
    connection: AbortHandle,
}

impl ProxyClient {
    /// # Errors
    /// If the API server refuses the port-forward, or the connection fails.
    pub async fn connect(
        cluster: &Cluster,
        namespace: &str,
        pod: &str,
    ) -> Result<Self, ScrapeError> {
        let (forward, stream) = PortForward::open(cluster, namespace, pod, ADMIN_PORT).await?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let Ok((sender, connection)) = handshake else {
            return Err(cut(&forward));
        };
        let connection = tokio::spawn(async move {
            // The request reports how it ended.
            let _ = connection.await;
        });
        Ok(Self {
            forward,
            sender,
            connection: connection.abort_handle(),
        })
    }

    /// Reads the series that are about the groups.
    ///
    /// # Errors
    /// If the proxy does not answer completely, or has too much to say.
    pub async fn scrape(&mut self, groups: &ScrapedGroups) -> Result<TimedScrape, ScrapeError> {
        let request = Request::get("/metrics")
            .header(HOST, "localhost:4191")
            .body(Empty::new());
        let Ok(request) = request else {
            return Err(cut(&self.forward));
        };
        let sent = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        let Ok(response) = sent.await else {
            return Err(self.cut().await);
        };
        if response.status() != StatusCode::OK {
            return Err(ScrapeError::Status(response.status()));
        }
        let at = Instant::now();
        let (mut reader, mut scrape) = (ExpositionReader::default(), Scrape::default());
        let mut too_many = Ok(());
        let mut take = |sample: super::metrics::exposition::Sample<'_>| {
            if too_many.is_ok() {
                too_many = scrape.add(groups, &sample);
            }
        };
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Err(self.cut().await);
            };
            if let Some(part) = frame.data_ref() {
                reader.read(part, &mut take)?;
            }
        }
        reader.finish(&mut take);
        too_many?;
        Ok(TimedScrape { at, scrape })
    }

    /// Returns the error of a connection that has ended. What the node says about it may come a
    /// moment later.
    async fn cut(&self) -> ScrapeError {
        const REASON_TIMEOUT: Duration = Duration::from_millis(200);
        let _ = timeout(REASON_TIMEOUT, self.forward.ended()).await;
        cut(&self.forward)
    }
}

impl Drop for ProxyClient {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn cut(forward: &PortForward) -> ScrapeError {
    let why = forward.why_it_ended();
    ScrapeError::Cut {
        why: why.map(|why| shorten(&reason(&why), MAX_REASON_CHARS)),
    }
}

/// Returns the part of a node's message that is not about the pod's name and its sandbox.
fn reason(message: &str) -> String {
    let last = message.rsplit_once("connect: ").map(|(_, last)| last);
    match last {
        Some(last) => format!("port {ADMIN_PORT}: {}", last.trim()),
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
        assert_eq!(reason(message), "port 4191: connection refused");
        assert_eq!(reason("no such pod\n"), "no such pod");
    }
}
