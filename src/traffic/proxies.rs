//! The source `proxies`: scrapes the admin ports of the clients' proxies before and after a window,
//! over one port-forward to each pod, and adds up the differences.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::clients::{ClientSelection, Workload};
use super::metrics::difference::{ClientTraffic, difference};
use super::metrics::scrape::GroupServices;
use super::proxy_client::{ProxyClient, ScrapeError, TimedScrape};
use crate::cluster::api::pod_health::selector;
use crate::cluster::api::pods::{Pod, pods};
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::model::traffic::{BackendTraffic, Clients, SilentClient, Traffic};
use crate::model::{Group, ServiceRef};

/// The most pods that are asked at the same moment.
const MAX_SCRAPES_AT_ONCE: usize = 8;
/// The time limit of a port-forward with its first scrape, and of a later scrape.
const POD_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit of all first scrapes, if the window is not longer.
const FIRST_SCRAPES_TIMEOUT: Duration = Duration::from_secs(10);
/// How often to list the pods again.
const RELIST_INTERVAL: Duration = Duration::from_secs(30);
/// The shortest window. Proxies count up at the end of each response.
pub const MIN_WINDOW: Duration = Duration::from_secs(2);

/// What to count, and whom to ask.
#[derive(Debug)]
pub struct ProxySourceOptions {
    /// The clients' namespace.
    pub namespace: String,
    pub selection: ClientSelection,
    pub max_pods: usize,
    /// When the group's object was created.
    pub created: Option<Timestamp>,
}

/// The proxies of a group's clients.
#[derive(Debug)]
pub struct ProxySource {
    cluster: Cluster,
    group: GroupServices,
    options: ProxySourceOptions,
    pods: Vec<Pod>,
    listed: Instant,
    /// The pods that are asked, by name.
    asked: BTreeMap<String, Client>,
    /// The pod selectors of the backends.
    selectors: BTreeMap<ServiceRef, BTreeMap<String, String>>,
}

/// A pod that is asked.
#[derive(Debug, Default)]
struct Client {
    proxy: Option<ProxyClient>,
    last: Option<TimedScrape>,
}

/// What a pod said at the end of a window.
struct Answer {
    traffic: ClientTraffic,
    seconds: f64,
    is_older: bool,
}

impl ProxySource {
    /// Lists the pods, and chooses those to ask.
    ///
    /// # Errors
    /// If the pods cannot be listed.
    pub async fn start(
        cluster: &Cluster,
        group: &Group,
        options: ProxySourceOptions,
    ) -> RequestResult<Self> {
        let namespace = options.namespace.as_str();
        let services = group.backends.iter().map(|backend| &backend.service);
        let services: Vec<ServiceRef> = services.cloned().collect();
        let local = services
            .iter()
            .filter(|service| service.namespace == namespace);
        let selectors = join_all(local.map(async |service| {
            // Without the right to read Services, it is not known which pods are a backend's.
            let selector = selector(cluster, service).await.ok().flatten()?;
            (!selector.is_empty()).then(|| (service.clone(), selector))
        }));
        let (pods, selectors) = futures::future::join(pods(cluster, namespace), selectors).await;
        let apex = ServiceRef::new(group.id.namespace.as_str(), group.apex.as_str());
        let mut source = Self {
            cluster: cluster.limited(POD_TIMEOUT),
            group: GroupServices::new(apex, services),
            options,
            pods: pods?,
            listed: Instant::now(),
            asked: BTreeMap::new(),
            selectors: selectors.into_iter().flatten().collect(),
        };
        source.choose();
        Ok(source)
    }

    /// Returns the workloads that were named and have no pods.
    pub fn without_pods(&self) -> Vec<&Workload> {
        self.options.selection.without_pods(&self.pods)
    }

    /// Returns how many pods are asked, and how many there are.
    pub fn coverage(&self) -> (usize, usize) {
        (self.asked.len(), self.candidates().len())
    }

    pub(super) fn meshed(&self, backend: &ServiceRef) -> Option<(usize, usize)> {
        let selector = self.selectors.get(backend)?;
        let pods = self.pods.iter().filter(|pod| pod.is_running);
        let selected = pods.filter(|pod| pod.is_selected(selector));
        let (meshed, all) = selected.fold((0, 0), |(meshed, all), pod| {
            (meshed + usize::from(pod.is_meshed), all + 1)
        });
        Some((meshed, all))
    }

    pub(super) async fn measure(&mut self, window: Duration) -> RequestResult<Traffic> {
        if self.listed.elapsed() >= RELIST_INTERVAL {
            self.pods = pods(&self.cluster, &self.options.namespace).await?;
            self.listed = Instant::now();
            self.choose();
        }
        let permits = Semaphore::new(MAX_SCRAPES_AT_ONCE);
        let asking = Asking {
            cluster: &self.cluster,
            namespace: &self.options.namespace,
            group: &self.group,
            created: self.options.created,
            permits: &permits,
            window,
            first_by: Instant::now() + FIRST_SCRAPES_TIMEOUT.max(window),
        };
        let asked = self.asked.iter_mut();
        let answers = join_all(asked.map(async |(pod, client)| {
            let answer = asking.ask(pod, client).await;
            if answer.is_err() {
                *client = Client::default();
            }
            (pod.clone(), answer)
        }));
        let answers = answers.await;
        self.add_up(answers, window)
    }

    /// Adds up what the pods said.
    fn add_up(
        &self,
        answers: Vec<(String, Result<Answer, ScrapeError>)>,
        window: Duration,
    ) -> RequestResult<Traffic> {
        let selected = self.pods.iter().filter(|pod| self.is_client(pod));
        let mut traffic = Traffic {
            backends: vec![BackendTraffic::default(); self.group.backends.len()],
            clients: Clients {
                pods: self.candidates().len(),
                asked: self.asked.len(),
                unmeshed: selected.filter(|pod| !pod.is_meshed).count(),
                ..Clients::default()
            },
            ..Traffic::default()
        };
        let (mut seconds, mut answered) = (0.0, 0_u32);
        let mut forbidden: Option<RequestError> = None;
        for (pod, answer) in answers {
            match answer {
                Ok(answer) => {
                    seconds += answer.seconds;
                    answered += 1;
                    add(&mut traffic, pod, answer);
                }
                Err(error) => {
                    let silent = SilentClient {
                        pod,
                        why: error.to_string(),
                    };
                    traffic.clients.silent.push(silent);
                    match error {
                        ScrapeError::Request(error) if error.is_forbidden() => {
                            forbidden = Some(error);
                        }
                        _ => {}
                    }
                }
            }
        }
        traffic.seconds = if answered > 0 {
            seconds / f64::from(answered)
        } else {
            window.as_secs_f64()
        };
        match forbidden {
            Some(error) if answered == 0 => Err(error),
            _ => Ok(traffic),
        }
    }

    fn is_client(&self, pod: &Pod) -> bool {
        pod.is_running && self.options.selection.has(pod)
    }

    fn candidates(&self) -> BTreeSet<&str> {
        let pods = self
            .pods
            .iter()
            .filter(|pod| pod.is_meshed && self.is_client(pod));
        pods.map(|pod| pod.name.as_str()).collect()
    }

    /// Chooses the pods to ask at random. Those that were asked before stay, if they are there.
    fn choose(&mut self) {
        let candidates: BTreeSet<String> =
            self.candidates().into_iter().map(str::to_owned).collect();
        self.asked.retain(|pod, _| candidates.contains(pod));
        let mut others: Vec<String> = candidates
            .into_iter()
            .filter(|pod| !self.asked.contains_key(pod))
            .collect();
        fastrand::shuffle(&mut others);
        let room = self.options.max_pods.saturating_sub(self.asked.len());
        let chosen = others.into_iter().take(room);
        self.asked
            .extend(chosen.map(|pod| (pod, Client::default())));
    }
}

fn add(traffic: &mut Traffic, pod: String, answer: Answer) {
    let client = answer.traffic;
    let sends = |backend: &BackendTraffic| backend.responses() + backend.refused > 0.0;
    let clients = &mut traffic.clients;
    clients.senders += usize::from(client.refused > 0.0 || client.backends.iter().any(sends));
    clients.older_than_group += usize::from(answer.is_older);
    if client.is_restarted {
        clients.restarted.push(pod);
    }
    traffic.refused += client.refused;
    for (sum, backend) in traffic.backends.iter_mut().zip(&client.backends) {
        sum.merge(backend);
    }
}

/// How the pods are asked during one window.
struct Asking<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    group: &'a GroupServices,
    created: Option<Timestamp>,
    permits: &'a Semaphore,
    window: Duration,
    /// By when all first scrapes must be made.
    first_by: Instant,
}

impl Asking<'_> {
    /// Returns the requests of a pod between its last scrape, or one at once, and one after the
    /// window.
    async fn ask(&self, pod: &str, client: &mut Client) -> Result<Answer, ScrapeError> {
        let before = match client.last.take() {
            Some(last) => last,
            None => {
                let first = timeout_at(self.first_by, self.first(pod)).await;
                let (proxy, scrape) = first.unwrap_or(Err(ScrapeError::TimedOut))?;
                client.proxy = Some(proxy);
                scrape
            }
        };
        sleep_until(before.at + self.window).await;
        let after = self.second(pod, client).await?;
        let seconds = (after.at - before.at).as_secs_f64();
        let backends = self.group.backends.len();
        let traffic = difference(&before.scrape, &after.scrape, seconds, backends);
        let started = after.scrape.started;
        #[allow(clippy::cast_precision_loss, reason = "Unix seconds")]
        let created = self.created.map(|created| created.as_second() as f64);
        let is_older = started
            .zip(created)
            .is_some_and(|(started, created)| started < created);
        client.last = Some(after);
        Ok(Answer {
            traffic,
            seconds,
            is_older,
        })
    }

    /// Connects to a pod, and scrapes it.
    async fn first(&self, pod: &str) -> Result<(ProxyClient, TimedScrape), ScrapeError> {
        let _permit = self.permits.acquire().await;
        let first = async {
            let mut proxy = ProxyClient::connect(self.cluster, self.namespace, pod).await?;
            let scrape = proxy.scrape(self.group).await?;
            Ok((proxy, scrape))
        };
        timeout(POD_TIMEOUT, first)
            .await
            .unwrap_or(Err(ScrapeError::TimedOut))
    }

    /// Scrapes a pod again. If its connection has ended, because its proxy restarted for example,
    /// connects once more.
    async fn second(&self, pod: &str, client: &mut Client) -> Result<TimedScrape, ScrapeError> {
        if let Some(proxy) = &mut client.proxy {
            let _permit = self.permits.acquire().await;
            match timeout(POD_TIMEOUT, proxy.scrape(self.group)).await {
                Ok(Err(error)) if error.is_cut() => {}
                Ok(scrape) => return scrape,
                Err(_) => return Err(ScrapeError::TimedOut),
            }
        }
        let (proxy, scrape) = self.first(pod).await?;
        client.proxy = Some(proxy);
        Ok(scrape)
    }
}
