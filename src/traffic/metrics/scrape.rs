//! The series of one proxy's metrics that are about the groups.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use super::exposition::Sample;
use crate::model::ServiceRef;
use crate::model::traffic::SIMULATION_METRIC;

/// The most series that are kept: 100 backends with 20 endpoints each have fewer.
const MAX_KEPT_SERIES: usize = 200_000;

/// The proxies' metrics have more series about the groups than any proxy should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its metrics have more than {MAX_KEPT_SERIES} series about the groups")]
pub struct TooManySeries(());

/// The Services of a group, by which its series are recognized.
#[derive(Debug)]
pub struct GroupServices {
    pub apex: ServiceRef,
    pub backends: Vec<ServiceRef>,
}

/// The groups whose series are kept: a proxy is scraped once for all of them.
#[derive(Debug)]
pub struct ScrapedGroups {
    groups: Vec<GroupServices>,
    /// The places in `groups` that an apex or a backend has.
    by_service: HashMap<ServiceRef, Vec<usize>>,
    /// The backends that a pod belongs to.
    by_pod: HashMap<ServiceRef, Vec<ServiceRef>>,
    /// Hashes the label sets of all scrapes alike.
    hasher: RandomState,
}

/// What a series counts. Numbers are places in [`GroupServices::backends`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    /// Responses of a backend.
    Responses { backend: usize, success: bool },
    /// Responses of a backend that broke off before their status.
    Broken { backend: usize },
    /// Responses of a backend within this many milliseconds.
    Latency { backend: usize, bound: f64 },
    /// Requests for the apex that were given to a backend.
    Queued { backend: usize },
    /// Requests for the backend itself.
    Direct { backend: usize },
    /// Responses to requests for the address of one of the backend's pods.
    ToPod { backend: usize },
    /// Requests to a backend of a route that had no endpoint in time.
    RefusedBackend { backend: usize },
    /// Requests that a route's clients were refused.
    RefusedRoute,
    /// Requests with a ServiceProfile that ended without a status.
    RefusedProfile,
    /// Open connections.
    Connections { backend: usize },
    /// Requests that wait for an endpoint.
    Waiting { backend: usize },
    /// Ready endpoints, as the proxy has them.
    Ready { backend: usize },
}

impl Meaning {
    /// Whether it is the state of a moment. All others count up.
    pub(super) fn is_gauge(self) -> bool {
        matches!(
            self,
            Self::Connections { .. } | Self::Waiting { .. } | Self::Ready { .. }
        )
    }
}

/// The series of one proxy at one moment.
#[derive(Debug, Default)]
pub struct Scrape {
    /// When the proxy started, in Unix seconds.
    pub started: Option<f64>,
    /// There is no proxy: its metrics are a simulation.
    pub is_simulated: bool,
    /// The series, by their group and a hash of their names and labels.
    pub(super) series: HashMap<(usize, u64), (Meaning, f64)>,
}

impl ScrapedGroups {
    pub fn new(groups: Vec<GroupServices>) -> Self {
        let mut by_service = HashMap::<ServiceRef, Vec<usize>>::new();
        for (index, group) in groups.iter().enumerate() {
            let services: BTreeSet<&ServiceRef> =
                group.backends.iter().chain([&group.apex]).collect();
            for service in services {
                by_service.entry(service.clone()).or_default().push(index);
            }
        }
        Self {
            groups,
            by_service,
            by_pod: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    /// Sets which backends a pod belongs to. Namespace and name of the pod stand as a [`ServiceRef`].
    pub fn set_pods(&mut self, pods: HashMap<ServiceRef, Vec<ServiceRef>>) {
        self.by_pod = pods;
    }

    /// Whether a pod belongs to a backend.
    pub fn is_pod_of(&self, pod: &ServiceRef, backend: &ServiceRef) -> bool {
        let backends = self.by_pod.get(pod);
        backends.is_some_and(|backends| backends.contains(backend))
    }

    pub fn iter(&self) -> impl Iterator<Item = &GroupServices> {
        self.groups.iter()
    }

    /// Returns how many backends a group has.
    pub(super) fn backends(&self, group: usize) -> usize {
        let group = self.groups.get(group);
        group.map_or(0, |group| group.backends.len())
    }

    /// Returns what a series is about: each group, and the meaning for it.
    fn meanings(&self, sample: &Sample<'_>) -> Vec<(usize, Meaning)> {
        if !is_known(sample.name) {
            return Vec::new();
        }
        let labels = Labels::of(sample);
        if let Some(pod) = &labels.pod {
            return match sample.name {
                "response_total" if labels.is_outbound => self.to_pod(pod),
                _ => Vec::new(),
            };
        }
        let services = [
            &labels.authority,
            &labels.destination,
            &labels.parent,
            &labels.backend,
            &labels.profile,
        ];
        let known = services.into_iter().flatten();
        let groups = known.filter_map(|service| self.by_service.get(service));
        let groups: BTreeSet<usize> = groups.flatten().copied().collect();
        let meanings = groups.into_iter().filter_map(|index| {
            let group = self.groups.get(index)?;
            Some((index, meaning(group, sample.name, &labels)?))
        });
        meanings.collect()
    }

    fn to_pod(&self, pod: &ServiceRef) -> Vec<(usize, Meaning)> {
        let backends = self.by_pod.get(pod).into_iter().flatten();
        let groups = backends.filter_map(|service| Some((service, self.by_service.get(service)?)));
        let each = groups.flat_map(|(service, groups)| groups.iter().map(move |it| (service, *it)));
        let meanings = each.filter_map(|(service, index)| {
            let backend = self.groups.get(index)?.backend(Some(service))?;
            Some((index, Meaning::ToPod { backend }))
        });
        meanings.collect()
    }

    /// The same for labels in any order.
    fn hash(&self, sample: &Sample<'_>) -> u64 {
        let name = self.hasher.hash_one(sample.name);
        let labels = sample.labels().map(|label| self.hasher.hash_one(label));
        labels.fold(name, u64::wrapping_add)
    }
}

impl GroupServices {
    fn backend(&self, service: Option<&ServiceRef>) -> Option<usize> {
        let service = service?;
        self.backends.iter().position(|backend| backend == service)
    }
}

impl Scrape {
    /// Adds a sample, if it is about the groups.
    ///
    /// # Errors
    /// If there are too many of them.
    pub fn add(
        &mut self,
        groups: &ScrapedGroups,
        sample: &Sample<'_>,
    ) -> Result<(), TooManySeries> {
        if sample.name == "process_start_time_seconds" {
            self.started = Some(sample.value);
            return Ok(());
        }
        if sample.name == SIMULATION_METRIC {
            self.is_simulated = true;
            return Ok(());
        }
        let meanings = groups.meanings(sample);
        if meanings.is_empty() {
            return Ok(());
        }
        if self.series.len() + meanings.len() > MAX_KEPT_SERIES {
            return Err(TooManySeries(()));
        }
        if sample.value.is_finite() && sample.value >= 0.0 {
            let hash = groups.hash(sample);
            let series = meanings.into_iter();
            let series = series.map(|(group, meaning)| ((group, hash), (meaning, sample.value)));
            self.series.extend(series);
        }
        Ok(())
    }
}

/// The labels of a series that matter.
#[derive(Debug, Default)]
struct Labels {
    is_outbound: bool,
    /// The Service that the endpoint belongs to.
    destination: Option<ServiceRef>,
    authority: Option<ServiceRef>,
    parent: Option<ServiceRef>,
    backend: Option<ServiceRef>,
    /// The pod, if it was addressed itself: by its IP address, or a name under a headless Service.
    /// Such requests have no Service.
    pod: Option<ServiceRef>,
    /// The Service of a ServiceProfile.
    profile: Option<ServiceRef>,
    has_status: bool,
    success: Option<bool>,
    bound: Option<f64>,
    is_refusal: bool,
    is_ready: bool,
    is_destination_peer: bool,
}

impl Labels {
    fn of(sample: &Sample<'_>) -> Self {
        let mut labels = Self::default();
        let (mut service, mut parent, mut backend) =
            <([String; 2], [String; 2], [String; 2])>::default();
        let mut pod = String::new();
        for (name, value) in sample.labels() {
            match name {
                "direction" => labels.is_outbound = value == "outbound",
                "authority" => labels.authority = in_host(&value),
                "dst" => labels.profile = in_host(&value),
                "dst_namespace" => service[0] = value.into_owned(),
                "dst_pod" => pod = value.into_owned(),
                "dst_service" => service[1] = value.into_owned(),
                "parent_namespace" => parent[0] = value.into_owned(),
                "parent_name" => parent[1] = value.into_owned(),
                "backend_namespace" => backend[0] = value.into_owned(),
                "backend_name" => backend[1] = value.into_owned(),
                "status_code" => labels.has_status = !value.is_empty(),
                "classification" => labels.success = Some(value == "success"),
                "le" => labels.bound = value.parse().ok(),
                "error" => labels.is_refusal = matches!(&*value, "FAIL_FAST" | "LOAD_SHED"),
                "endpoint_state" => labels.is_ready = value == "ready",
                "peer" => labels.is_destination_peer = value == "dst",
                _ => {}
            }
        }
        let named = |[namespace, name]: [String; 2]| {
            (!name.is_empty()).then(|| ServiceRef::new(namespace, name))
        };
        let has_service = labels.authority.is_some() || !service[1].is_empty();
        Self {
            pod: named([service[0].clone(), pod]).filter(|_| !has_service),
            destination: named(service),
            parent: named(parent),
            backend: named(backend),
            ..labels
        }
    }
}

/// Returns the Service of `web-svc.emojivoto.svc.cluster.local:80`.
fn in_host(host: &str) -> Option<ServiceRef> {
    let mut parts = host.split('.');
    let (name, namespace) = (parts.next()?, parts.next()?);
    (parts.next() == Some("svc")).then(|| ServiceRef::new(namespace, name))
}

/// Returns the name of a metric that is labelled with the Service that is called, and the backend.
fn by_parent(name: &str) -> Option<&str> {
    let http = name.strip_prefix("outbound_http_");
    http.or_else(|| name.strip_prefix("outbound_grpc_"))
}

/// Whether the series of a metric may be about a group.
fn is_known(name: &str) -> bool {
    match by_parent(name) {
        Some(name) => matches!(
            name,
            "route_request_statuses_total"
                | "route_backend_response_statuses_total"
                | "balancer_queue_requests_total"
                | "balancer_queue_length"
                | "balancer_endpoints"
        ),
        None => matches!(
            name,
            "response_total"
                | "response_latency_ms_bucket"
                | "tcp_open_connections"
                | "route_response_total"
        ),
    }
}

fn meaning(group: &GroupServices, name: &str, labels: &Labels) -> Option<Meaning> {
    if let Some(name) = by_parent(name) {
        return meaning_by_parent(group, name, labels);
    }
    if !labels.is_outbound {
        return None;
    }
    if name == "route_response_total" {
        let is_refused = labels.success == Some(false) && !labels.has_status;
        return (is_refused && labels.profile.as_ref() == Some(&group.apex))
            .then_some(Meaning::RefusedProfile);
    }
    // The authority is the backend as the client's proxy addresses it. The destination may be a
    // Service of another cluster.
    let backend = group.backend(labels.authority.as_ref().or(labels.destination.as_ref()))?;
    match name {
        "response_total" if labels.has_status => Some(Meaning::Responses {
            backend,
            success: labels.success?,
        }),
        "response_total" => Some(Meaning::Broken { backend }),
        "response_latency_ms_bucket" => Some(Meaning::Latency {
            backend,
            bound: labels.bound?,
        }),
        _ => labels
            .is_destination_peer
            .then_some(Meaning::Connections { backend }),
    }
}

/// Returns the meaning of the series whose labels name the Service that is called, and the backend.
fn meaning_by_parent(group: &GroupServices, name: &str, labels: &Labels) -> Option<Meaning> {
    let is_apex = labels.parent.as_ref() == Some(&group.apex);
    if name == "route_request_statuses_total" {
        return (is_apex && labels.is_refusal).then_some(Meaning::RefusedRoute);
    }
    let backend = group.backend(labels.backend.as_ref())?;
    match name {
        "balancer_queue_requests_total" if is_apex => Some(Meaning::Queued { backend }),
        "balancer_queue_requests_total" => {
            (labels.parent == labels.backend).then_some(Meaning::Direct { backend })
        }
        _ if !is_apex => None,
        "route_backend_response_statuses_total" => labels
            .is_refusal
            .then_some(Meaning::RefusedBackend { backend }),
        "balancer_queue_length" => Some(Meaning::Waiting { backend }),
        _ => labels.is_ready.then_some(Meaning::Ready { backend }),
    }
}
