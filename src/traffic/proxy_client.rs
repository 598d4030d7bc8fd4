//! The admin port of one pod's proxy: its metrics, over one port-forward.

use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tokio::time::Instant;

use super::metrics::exposition::{ExpositionReader, TooLarge};
use super::metrics::scrape::{Scrape, ScrapedGroups, TooManySeries};
use super::pod_http::{PodHttp, PodHttpError};
use crate::cluster::{Cluster, RequestError};

/// The port `linkerd-admin` of the proxy. It is the only one that is ever asked.
const ADMIN_PORT: u16 = 4191;

/// Why a proxy's metrics cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeError {
    #[error("{}", .0.cause)]
    Request(#[from] RequestError),
    #[error("it is gone")]
    Gone,
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

impl From<PodHttpError> for ScrapeError {
    fn from(error: PodHttpError) -> Self {
        match error {
            PodHttpError::Request(error) if error.is_not_found() => Self::Gone,
            PodHttpError::Request(error) => Self::Request(error),
            PodHttpError::Cut { why } => Self::Cut { why },
        }
    }
}

impl ScrapeError {
    /// Whether the connection ended, so that a new one may help.
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Cut { .. })
    }

    /// Whether there is no such pod.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
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
pub struct ProxyClient(PodHttp);

impl ProxyClient {
    /// # Errors
    /// If the API server refuses the port-forward, or the connection fails.
    pub async fn connect(
        cluster: &Cluster,
        namespace: &str,
        pod: &str,
    ) -> Result<Self, ScrapeError> {
        let http = PodHttp::connect(cluster, namespace, pod, ADMIN_PORT).await?;
        Ok(Self(http))
    }

    /// Reads the series that are about the groups.
    ///
    /// # Errors
    /// If the proxy does not answer completely, or has too much to say.
    pub async fn scrape(&mut self, groups: &ScrapedGroups) -> Result<TimedScrape, ScrapeError> {
        let request = Request::get("/metrics")
            .header(HOST, "localhost:4191")
            .body(Full::<Bytes>::default());
        let Ok(request) = request else {
            return Err(self.0.cut().await.into());
        };
        let response = self.0.send(request).await?;
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
                return Err(self.0.cut().await.into());
            };
            if let Some(part) = frame.data_ref() {
                reader.read(part, &mut take)?;
            }
        }
        reader.finish(&mut take);
        too_many?;
        Ok(TimedScrape { at, scrape })
    }
}
