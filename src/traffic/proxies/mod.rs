//! The source `proxies`: scrapes the admin ports of the clients' proxies before and after a window,
//! over one port-forward to each pod, and adds up the differences.

mod clients;
mod sum;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::{join, join_all, ready};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

pub use self::clients::Unmatched;
use super::clients::ClientSelection;
use super::metrics::scrape::{GroupServices, ScrapedGroups};
use super::proxy_client::ScrapeError;
use super::window::{Answer, Client, PodName, Window};
use crate::cluster::api::pod_health::selector;
use crate::cluster::api::pods::{Pod, pods};
use crate::cluster::{Cluster, RequestResult};
use crate::model::traffic::Traffic;
use crate::model::{Group, ServiceRef};

/// The most pods that are asked at the same moment.
const MAX_SCRAPES_AT_ONCE: usize = 8;
/// The time limit of a port-forward with its first scrape, and of a later scrape, if the window is
/// not shorter.
const POD_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit of all first scrapes, and of all later ones, if the window is not longer.
const SCRAPES_TIMEOUT: Duration = Duration::from_secs(10);
/// How often to list the pods again.
const RELIST_INTERVAL: Duration = Duration::from_secs(30);
/// How often at most to list the pods again while one is lost, or none answers.
const LOST_RELIST_INTERVAL: Duration = Duration::from_secs(5);
/// How many lists of pods, and Services, are read at the same moment.
const MAX_READS_AT_ONCE: usize = 8;
/// The default window.
pub const PROXIES_WINDOW: Duration = Duration::from_secs(10);
/// The shortest window. Proxies count up at the end of each response.
pub const MIN_WINDOW: Duration = Duration::from_secs(2);

/// Whom to ask.
#[derive(Debug)]
pub struct ProxySourceOptions {
    /// The clients' namespace. None: those of the groups.
    pub namespace: Option<String>,
    pub selection: ClientSelection,
    pub max_pods: usize,
}

/// A group whose traffic is counted.
#[derive(Debug, Clone, Copy)]
pub struct CountedGroup<'a> {
    pub group: &'a Group,
    /// When its object was created.
    pub created: Option<Timestamp>,
}

/// The proxies of the groups' clients.
#[derive(Debug)]
pub struct ProxySource {
    cluster: Cluster,
    groups: ScrapedGroups,
    /// When the object of each group was created.
    created: Vec<Option<Timestamp>>,
    options: ProxySourceOptions,
    /// The clients' namespaces.
    namespaces: BTreeSet<String>,
    /// The backends' other namespaces.
    backend_namespaces: BTreeSet<String>,
    pods: Vec<Pod>,
    listed: Instant,
    /// A pod that was asked is lost, or none answers: the list is out of date.
    is_outdated: bool,
    /// When the last window ended.
    ended: Option<Instant>,
    /// The pods that are asked.
    asked: BTreeMap<PodName, Client>,
    /// The pod selectors of the backends.
    selectors: BTreeMap<ServiceRef, BTreeMap<String, String>>,
}

impl ProxySource {
    /// Lists the pods, and chooses those to ask.
    ///
    /// # Errors
    /// If the pods cannot be listed.
    pub async fn start(
        cluster: &Cluster,
        groups: &[CountedGroup<'_>],
        options: ProxySourceOptions,
    ) -> RequestResult<Self> {
        let services = |group: &Group| GroupServices {
            apex: ServiceRef::new(group.id.namespace.as_str(), group.apex.as_str()),
            backends: group.backends.iter().map(|it| it.service.clone()).collect(),
        };
        let scraped: Vec<GroupServices> = groups.iter().map(|it| services(it.group)).collect();
        let namespaces: BTreeSet<String> = match &options.namespace {
            Some(namespace) => std::iter::once(namespace.clone()).collect(),
            None => groups
                .iter()
                .map(|it| it.group.id.namespace.clone())
                .collect(),
        };
        let backends = scraped.iter().flat_map(|group| group.backends.clone());
        let backends: BTreeSet<ServiceRef> = backends.collect();
        let backend_namespaces = backends.iter().map(|service| service.namespace.clone());
        let backend_namespaces: BTreeSet<String> = backend_namespaces
            .filter(|namespace| !namespaces.contains(namespace))
            .collect();
        let selectors = stream::iter(backends).map(async |service| {
            // Without the right to read Services, it is not known which pods are a backend's.
            let selector = selector(cluster, &service).await.ok().flatten()?;
            (!selector.is_empty()).then_some((service, selector))
        });
        let selectors = selectors.buffer_unordered(MAX_READS_AT_ONCE);
        let selectors = selectors.filter_map(ready).collect();
        let lists = list(cluster, &namespaces, &backend_namespaces);
        let (pods, selectors) = join(lists, selectors).await;
        let mut source = Self {
            cluster: cluster.limited(POD_TIMEOUT),
            groups: ScrapedGroups::new(scraped),
            created: groups.iter().map(|it| it.created).collect(),
            options,
            namespaces,
            backend_namespaces,
            pods: pods?,
            listed: Instant::now(),
            is_outdated: false,
            ended: None,
            asked: BTreeMap::new(),
            selectors,
        };
        source.choose();
        Ok(source)
    }

    pub(super) fn groups(&self) -> &ScrapedGroups {
        &self.groups
    }

    /// Returns when the object of each group was created.
    pub(super) fn created(&self) -> &[Option<Timestamp>] {
        &self.created
    }

    /// Lists the pods again from time to time, and soon if they are no longer those of the list.
    pub(super) async fn relist(&mut self) -> RequestResult<()> {
        let interval = if self.is_outdated {
            LOST_RELIST_INTERVAL
        } else {
            RELIST_INTERVAL
        };
        if self.listed.elapsed() >= interval {
            self.pods = list(&self.cluster, &self.namespaces, &self.backend_namespaces).await?;
            self.listed = Instant::now();
            self.choose();
        }
        Ok(())
    }

    /// Returns what the pods count during a window. If none answers, the first window ends at once,
    /// and later ones as long after the one before as if there were an answer.
    pub(super) async fn measure(&mut self, window: Duration) -> RequestResult<Vec<Traffic>> {
        let earliest = self.ended.map_or_else(Instant::now, |ended| ended + window);
        let answers = loop {
            self.relist().await?;
            let answers = self.ask(window).await;
            if answers.iter().any(|(_, answer)| answer.is_ok()) {
                break answers;
            }
            self.is_outdated = true;
            let wake = earliest.min(self.listed + LOST_RELIST_INTERVAL);
            sleep_until(wake).await;
            if wake == earliest {
                break answers;
            }
        };
        self.ended = Some(Instant::now());
        self.add_up(answers)
    }

    /// Asks the pods before and after a window.
    async fn ask(&mut self, window: Duration) -> Vec<(PodName, Result<Answer, ScrapeError>)> {
        let permits = Semaphore::new(MAX_SCRAPES_AT_ONCE);
        let scrapes_timeout = SCRAPES_TIMEOUT.max(window);
        let window = Window {
            cluster: &self.cluster,
            groups: &self.groups,
            permits: &permits,
            length: window,
            pod_timeout: if window.is_zero() {
                POD_TIMEOUT
            } else {
                POD_TIMEOUT.min(window.max(MIN_WINDOW))
            },
            first_by: Instant::now() + scrapes_timeout,
            scrapes_timeout,
        };
        let asked = self.asked.iter_mut();
        let answers = join_all(asked.map(async |(pod, client)| {
            let answer = window.ask(pod, client).await;
            let mut is_lost = false;
            if let Err(error) = &answer {
                is_lost = error.is_gone() || client.has_answered();
                *client = Client::default();
            }
            ((pod.clone(), answer), is_lost)
        }));
        let (answers, lost): (Vec<_>, Vec<bool>) = answers.await.into_iter().unzip();
        self.is_outdated = lost.contains(&true);
        answers
    }
}

/// Lists the pods of the clients' namespaces, and of those of the backends that may be listed.
async fn list(
    cluster: &Cluster,
    clients: &BTreeSet<String>,
    backends: &BTreeSet<String>,
) -> RequestResult<Vec<Pod>> {
    let lists = stream::iter(clients).map(|namespace| pods(cluster, namespace));
    let lists = lists.buffer_unordered(MAX_READS_AT_ONCE);
    let others = stream::iter(backends).map(|namespace| pods(cluster, namespace));
    let others = others.buffer_unordered(MAX_READS_AT_ONCE);
    let others = others.filter_map(|listed| ready(listed.ok())).concat();
    let (listed, others) = join(lists.try_concat(), others).await;
    Ok([listed?, others].concat())
}
