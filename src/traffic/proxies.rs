//! The source `proxies`: scrapes the admin ports of the clients' proxies before and after a window,
//! over one port-forward to each pod, and adds up the differences.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use futures::future::{join, join_all, ready};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::clients::{ClientSelection, Workload, workload_name};
use super::metrics::difference::GroupTraffic;
use super::metrics::scrape::{GroupServices, ScrapedGroups};
use super::proxy_client::ScrapeError;
use super::window::{Answer, Client, PodName, Window};
use crate::cluster::api::pod_health::selector;
use crate::cluster::api::pods::{Pod, pods};
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::model::traffic::{BackendTraffic, Clients, SilentClient, Traffic};
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

/// Why there are no clients although some were named.
#[derive(Debug)]
pub enum Unmatched {
    /// The clients' namespace has no pods.
    Namespace,
    /// No pod has the labels. The workloads are those that were named with them.
    Labels { labels: String, workloads: String },
    /// None of its pods runs.
    NotRunning { workload: String },
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

    /// Returns the workloads that were named and have no pods.
    pub fn without_pods(&self) -> Vec<&Workload> {
        self.options.selection.without_pods(&self.pods)
    }

    /// Whether the clients are not all pods of their namespaces.
    pub(super) fn are_named(&self) -> bool {
        !self.options.selection.is_all()
    }

    /// Returns why none of the pods that were named is there, or none runs.
    pub fn unmatched(&self) -> Option<Unmatched> {
        let ProxySourceOptions {
            namespace,
            selection,
            ..
        } = &self.options;
        if namespace.is_none() && !self.are_named() {
            return None;
        }
        let pods = self.pods.iter();
        let here = pods.filter(|pod| self.namespaces.contains(&pod.namespace));
        let here: Vec<&Pod> = here.collect();
        if here.is_empty() {
            return Some(Unmatched::Namespace);
        }
        let names = selection.workloads.iter().map(ToString::to_string);
        if !here.iter().any(|pod| selection.has(pod)) {
            return Some(Unmatched::Labels {
                labels: selection.labels.to_string(),
                workloads: names.collect::<Vec<_>>().join(" and "),
            });
        }
        let runs = |workload: &&Workload| {
            let mut pods = here.iter();
            pods.any(|pod| pod.is_running && workload.has(pod))
        };
        let mut workloads = selection.workloads.iter();
        let stopped = workloads.find(|workload| !runs(workload))?;
        Some(Unmatched::NotRunning {
            workload: stopped.to_string(),
        })
    }

    /// The namespaces in which the clients are looked for.
    pub fn namespaces(&self) -> &BTreeSet<String> {
        &self.namespaces
    }

    /// Returns how many pods are asked, and how many there are.
    pub fn coverage(&self) -> (usize, usize) {
        (self.asked.len(), self.candidates().len())
    }

    pub(super) fn meshed(&self, backend: &ServiceRef) -> Option<(usize, usize)> {
        let selector = self.selectors.get(backend)?;
        let is_client_namespace = self.namespaces.contains(&backend.namespace);
        let selected = self.pods_of(backend, selector);
        let (meshed, all) = selected.fold((0, 0), |(meshed, all), pod| {
            (meshed + usize::from(pod.is_meshed), all + 1)
        });
        // Without pods in another namespace, it is not known whether they may be listed.
        (is_client_namespace || all > 0).then_some((meshed, all))
    }

    /// The running pods of a backend.
    fn pods_of(
        &self,
        backend: &ServiceRef,
        selector: &BTreeMap<String, String>,
    ) -> impl Iterator<Item = &Pod> {
        let pods = self.pods.iter();
        let pods = pods.filter(|pod| pod.is_running && pod.namespace == backend.namespace);
        pods.filter(|pod| pod.is_selected(selector))
    }

    /// Returns the backends that each pod belongs to.
    fn by_pod(&self) -> HashMap<ServiceRef, Vec<ServiceRef>> {
        let mut by_pod = HashMap::<ServiceRef, Vec<ServiceRef>>::new();
        for (backend, selector) in &self.selectors {
            for pod in self.pods_of(backend, selector) {
                let pod = ServiceRef::new(pod.namespace.as_str(), pod.name.as_str());
                by_pod.entry(pod).or_default().push(backend.clone());
            }
        }
        by_pod
    }

    pub(super) fn groups(&self) -> &ScrapedGroups {
        &self.groups
    }

    /// Returns when the object of each group was created.
    pub(super) fn created(&self) -> &[Option<Timestamp>] {
        &self.created
    }

    /// Returns the names of the clients, if they are not all pods of the namespaces.
    pub(super) fn selected(&self) -> Option<BTreeSet<String>> {
        let names = || self.candidates().into_iter().map(|pod| pod.name).collect();
        (!self.options.selection.is_all()).then(names)
    }

    /// Returns how many of the pods have no proxy.
    pub(super) fn unmeshed(&self) -> usize {
        let selected = self.pods.iter().filter(|pod| self.is_client(pod));
        selected.filter(|pod| !pod.is_meshed).count()
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

    /// Adds up what the pods said.
    fn add_up(
        &self,
        answers: Vec<(PodName, Result<Answer, ScrapeError>)>,
    ) -> RequestResult<Vec<Traffic>> {
        let none = |group: &GroupServices| Traffic {
            backends: vec![BackendTraffic::default(); group.backends.len()],
            ..Traffic::default()
        };
        let mut traffic: Vec<Traffic> = self.groups.iter().map(none).collect();
        let mut all = Clients {
            pods: self.candidates().len(),
            asked: self.asked.len(),
            unmeshed: self.unmeshed(),
            are_named: self.are_named(),
            ..Clients::default()
        };
        let (mut seconds, mut answered) = (0.0, 0_u32);
        let mut forbidden: Option<RequestError> = None;
        for (pod, answer) in answers {
            match answer {
                Ok(answer) => {
                    seconds += answer.seconds;
                    answered += 1;
                    all.are_simulated |= answer.is_simulated;
                    if answer.traffic.is_restarted {
                        all.restarted.push(self.shown(&pod));
                    }
                    self.add(&mut traffic, &pod, answer);
                }
                Err(error) => {
                    all.silent.push(SilentClient {
                        pod: self.shown(&pod),
                        why: error.to_string(),
                    });
                    match error {
                        ScrapeError::Request(error) if error.is_forbidden() => {
                            forbidden = Some(error);
                        }
                        _ => {}
                    }
                }
            }
        }
        let seconds = if answered > 0 {
            seconds / f64::from(answered)
        } else {
            0.0
        };
        for traffic in &mut traffic {
            let counted = std::mem::take(&mut traffic.clients);
            traffic.seconds = seconds;
            traffic.clients = Clients {
                senders: counted.senders,
                older_than_group: counted.older_than_group,
                direct_callers: counted.direct_callers,
                ..all.clone()
            };
        }
        match forbidden {
            Some(error) if answered == 0 => Err(error),
            _ => Ok(traffic),
        }
    }

    /// Adds what a pod said.
    fn add(&self, traffic: &mut [Traffic], pod: &PodName, answer: Answer) {
        let caller = pod;
        let pod = ServiceRef::new(pod.namespace.as_str(), pod.name.as_str());
        for (index, mut client) in answer.traffic.groups {
            let group = self.groups.iter().nth(index);
            let backends = group.map(|group| group.backends.as_slice());
            let backends = backends.unwrap_or_default().iter();
            let mut is_direct = false;
            for (traffic, backend) in client.backends.iter_mut().zip(backends) {
                // The pods of a backend are no clients of each other.
                if self.groups.is_pod_of(&pod, backend) {
                    traffic.to_pods = 0.0;
                }
                is_direct |= traffic.direct + traffic.to_pods > 0.0;
            }
            let Some(traffic) = traffic.get_mut(index) else {
                continue;
            };
            add(traffic, &client);
            if is_direct {
                traffic.clients.direct_callers.insert(self.workload(caller));
            }
            #[allow(clippy::cast_precision_loss, reason = "Unix seconds")]
            let created = self.created.get(index).copied().flatten();
            let created = created.map(|created| created.as_second() as f64);
            let is_older = answer
                .started
                .zip(created)
                .is_some_and(|(started, created)| started < created);
            let calls = |backend: &BackendTraffic| backend.routed() + backend.refused > 0.0;
            let calls_apex = client.refused > 0.0 || client.backends.iter().any(calls);
            traffic.clients.older_than_group += usize::from(is_older && calls_apex);
        }
    }

    /// Returns the workload of a pod as it is shown, or the pod if it has none.
    fn workload(&self, pod: &PodName) -> String {
        let known = self.pods.iter();
        let mut known = known.filter(|it| it.namespace == pod.namespace && it.name == pod.name);
        let workload = known.next().and_then(workload_name);
        let workload = workload.unwrap_or_else(|| format!("pod/{}", pod.name));
        match self.namespaces.len() {
            1 => workload,
            _ => format!("{workload} (namespace {})", pod.namespace),
        }
    }

    /// Returns the name of a pod as it is shown.
    fn shown(&self, pod: &PodName) -> String {
        match self.namespaces.len() {
            1 => pod.name.clone(),
            _ => format!("{}/{}", pod.namespace, pod.name),
        }
    }

    fn is_client(&self, pod: &Pod) -> bool {
        pod.is_running
            && self.namespaces.contains(&pod.namespace)
            && self.options.selection.has(pod)
    }

    fn candidates(&self) -> BTreeSet<PodName> {
        let pods = self.pods.iter();
        let pods = pods.filter(|pod| pod.is_meshed && self.is_client(pod));
        let names = pods.map(|pod| PodName {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
        });
        names.collect()
    }

    /// Chooses the pods to ask at random, of each namespace as many. Those that were asked before
    /// stay, if they are there.
    fn choose(&mut self) {
        let by_pod = self.by_pod();
        self.groups.set_pods(by_pod);
        let candidates = self.candidates();
        self.asked.retain(|pod, _| candidates.contains(pod));
        let mut others: Vec<PodName> = candidates.into_iter().collect();
        others.retain(|pod| !self.asked.contains_key(pod));
        fastrand::shuffle(&mut others);
        // The first pods of all namespaces come before their second ones.
        let mut before = BTreeMap::<String, usize>::new();
        for pod in self.asked.keys() {
            *before.entry(pod.namespace.clone()).or_default() += 1;
        }
        let turn = |pod: PodName| {
            let place = before.entry(pod.namespace.clone()).or_default();
            *place += 1;
            (*place, pod)
        };
        let mut others: Vec<(usize, PodName)> = others.into_iter().map(turn).collect();
        others.sort_by_key(|(turn, _)| *turn);
        let room = self.options.max_pods.saturating_sub(self.asked.len());
        let chosen = others.into_iter().take(room);
        let chosen = chosen.map(|(_, pod)| (pod, Client::default()));
        self.asked.extend(chosen);
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

fn add(traffic: &mut Traffic, client: &GroupTraffic) {
    let sends = |backend: &BackendTraffic| backend.responses() + backend.refused > 0.0;
    let is_sender = client.refused > 0.0 || client.backends.iter().any(sends);
    traffic.clients.senders += usize::from(is_sender);
    traffic.refused += client.refused;
    for (sum, backend) in traffic.backends.iter_mut().zip(&client.backends) {
        sum.merge(backend);
    }
}
