//! How one pod is asked: a scrape before a window, and one after it.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::metrics::difference::{ClientTraffic, difference};
use super::metrics::scrape::ScrapedGroups;
use super::proxy_client::{ProxyClient, ScrapeError, TimedScrape};
use crate::cluster::Cluster;

/// A scrape that takes longer no longer counts as one of those at the same moment. So pods that hang
/// do not hold up the others.
const PERMIT_TIMEOUT: Duration = Duration::from_millis(500);

/// The namespace and the name of a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    pub namespace: String,
    pub name: String,
}

/// A pod that is asked.
#[derive(Debug, Default)]
pub(super) struct Client {
    proxy: Option<ProxyClient>,
    last: Option<TimedScrape>,
}

impl Client {
    /// Whether it has answered before.
    pub fn has_answered(&self) -> bool {
        self.proxy.is_some()
    }
}

/// What a pod said at the end of a window.
pub(super) struct Answer {
    pub traffic: ClientTraffic,
    pub seconds: f64,
    /// When its proxy started, in Unix seconds.
    pub started: Option<f64>,
    pub is_simulated: bool,
}

/// How the pods are asked during one window.
pub(super) struct Window<'a> {
    pub cluster: &'a Cluster,
    pub groups: &'a ScrapedGroups,
    pub permits: &'a Semaphore,
    pub length: Duration,
    /// The time limit of a port-forward with its first scrape, and of a later scrape.
    pub pod_timeout: Duration,
    /// By when all first scrapes must be made.
    pub first_by: Instant,
    /// How long after the window the other scrapes may be made.
    pub scrapes_timeout: Duration,
}

impl Window<'_> {
    /// Returns the requests of a pod between its last scrape, or one at once, and one after the
    /// window.
    pub async fn ask(&self, pod: &PodName, client: &mut Client) -> Result<Answer, ScrapeError> {
        let before = match client.last.take() {
            Some(last) => last,
            None => {
                let first = timeout_at(self.first_by, self.first(pod)).await;
                let (proxy, scrape) = first.unwrap_or(Err(ScrapeError::TimedOut))?;
                client.proxy = Some(proxy);
                scrape
            }
        };
        let end = before.at + self.length;
        sleep_until(end).await;
        let after = timeout_at(end + self.scrapes_timeout, self.second(pod, client)).await;
        let after = after.unwrap_or(Err(ScrapeError::TimedOut))?;
        let seconds = (after.at - before.at).as_secs_f64();
        let traffic = difference(&before.scrape, &after.scrape, seconds, self.groups);
        let (started, is_simulated) = (after.scrape.started, after.scrape.is_simulated);
        client.last = Some(after);
        Ok(Answer {
            traffic,
            seconds,
            started,
            is_simulated,
        })
    }

    /// Connects to a pod, and scrapes it.
    async fn first(&self, pod: &PodName) -> Result<(ProxyClient, TimedScrape), ScrapeError> {
        self.limited(async {
            let PodName { namespace, name } = pod;
            let mut proxy = ProxyClient::connect(self.cluster, namespace, name).await?;
            let scrape = proxy.scrape(self.groups).await?;
            Ok((proxy, scrape))
        })
        .await
    }

    /// Scrapes a pod again. If its connection has ended, because its proxy restarted for example,
    /// connects once more.
    async fn second(&self, pod: &PodName, client: &mut Client) -> Result<TimedScrape, ScrapeError> {
        if let Some(proxy) = &mut client.proxy {
            match self.limited(proxy.scrape(self.groups)).await {
                Err(error) if error.is_cut() => {}
                scrape => return scrape,
            }
        }
        let (proxy, scrape) = self.first(pod).await?;
        client.proxy = Some(proxy);
        Ok(scrape)
    }

    /// Scrapes with a permit and a time limit.
    async fn limited<T>(
        &self,
        scrape: impl Future<Output = Result<T, ScrapeError>>,
    ) -> Result<T, ScrapeError> {
        let permit = self.permits.acquire().await;
        let mut scrape = pin!(timeout(self.pod_timeout, scrape));
        let scraped = match timeout(PERMIT_TIMEOUT, &mut scrape).await {
            Ok(scraped) => scraped,
            Err(_) => {
                drop(permit);
                scrape.await
            }
        };
        scraped.unwrap_or(Err(ScrapeError::TimedOut))
    }
}
