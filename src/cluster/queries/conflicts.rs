//! Conflicts: other objects that keep a group's object from having an effect, such as an older
//! route with the same matches.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures::{StreamExt as _, future, stream};

use crate::cluster::api::service_profiles;
use crate::cluster::api::service_profiles::Profile;
use crate::cluster::api::services;
use crate::cluster::api::services::Service;
use crate::cluster::api::{discovery, groups};
use crate::cluster::listwatch::list::{MAX_NAMESPACED_LISTS, list};
use crate::cluster::transport::api_resource::{ApiResource, SERVICE_PROFILES};
use crate::cluster::transport::client::Cluster;
use crate::cluster::{RequestError, RequestResult};
use crate::model::{Backend, Carrier, GroupId, ServiceRef, Status};
use crate::resource::{KINDS, Kind, Overlap, Record, TrafficSplit};

/// The number of namespaces to read at once.
const CONCURRENT_CONFLICT_READS: usize = 4;

/// A line for each object in conflict, by group.
pub type ConflictsByGroup = HashMap<GroupId, Vec<String>>;

/// The conflicts of groups, and the lists that failed.
#[derive(Debug, Default)]
pub struct Conflicts {
    pub by_group: ConflictsByGroup,
    /// A line for each port that a route names in vain, or does not name.
    pub ports: ConflictsByGroup,
    /// The groups without an effect: another object routes all of their requests.
    pub ignored: HashSet<GroupId>,
    pub unread: Vec<UnreadConflicts>,
}

/// A list that failed.
#[derive(Debug, Clone)]
pub struct UnreadConflicts {
    /// None: all namespaces.
    pub namespace: Option<String>,
    pub words: String,
}

/// Finds what keeps groups that are routes from having an effect. Without such groups it sends no
/// request.
pub async fn on_routes(cluster: &Cluster, records: &[Record]) -> Conflicts {
    read(
        cluster,
        records.iter().filter(|record| record.routing.is_some()),
    )
    .await
}

/// Finds other objects that route the services of these groups.
pub async fn read(cluster: &Cluster, records: impl IntoIterator<Item = &Record>) -> Conflicts {
    let groups: Vec<&Record> = records
        .into_iter()
        .filter(|record| record.group.is_ok())
        .collect();
    let mut parents: BTreeMap<Option<&str>, BTreeSet<&str>> = BTreeMap::new();
    let namespaces: BTreeSet<&str> = groups
        .iter()
        .map(|record| record.meta.namespace.as_str())
        .collect();
    for record in &groups {
        let namespace = Some(record.meta.namespace.as_str())
            .filter(|_| namespaces.len() <= MAX_NAMESPACED_LISTS);
        let services = parents.entry(namespace).or_default();
        services.extend(record.routing.is_some().then_some(record.apex.as_str()));
        for (service, _) in &record.backend_ports {
            if service.namespace == record.meta.namespace {
                services.insert(&service.name);
            }
        }
    }
    let reads = parents
        .iter()
        .map(|(namespace, services)| ConflictIndex::read(cluster, *namespace, services));
    let indexes: Vec<ConflictIndex> = stream::iter(reads)
        .buffer_unordered(CONCURRENT_CONFLICT_READS)
        .collect()
        .await;
    let lines_of = |lines: fn(&ConflictIndex, &Record) -> Vec<String>| {
        let of = |record: &&Record| {
            let lines: Vec<String> = indexes
                .iter()
                .flat_map(|index| lines(index, record))
                .collect();
            (!lines.is_empty()).then(|| (record.id(), lines))
        };
        groups.iter().filter_map(of).collect()
    };
    let is_ignored = |record: &&&Record| indexes.iter().any(|index| index.ignores(record));
    Conflicts {
        ignored: groups.iter().filter(is_ignored).map(|it| it.id()).collect(),
        by_group: lines_of(ConflictIndex::conflicts),
        ports: lines_of(ConflictIndex::missing_ports),
        unread: indexes.into_iter().flat_map(|index| index.unread).collect(),
    }
}

/// Finds routes of other namespaces for the services of these groups: consumer routes, which
/// Linkerd applies to the clients in their own namespace. Reads the routes of the whole cluster;
/// kinds that the user may not list there are skipped.
pub async fn consumer_routes(cluster: &Cluster, records: &[Record]) -> ConflictsByGroup {
    let groups = || {
        let routes = records.iter().filter(|record| record.routing.is_some());
        routes.filter(|record| record.group.is_ok())
    };
    if groups().next().is_none() {
        return ConflictsByGroup::new();
    }
    let routes = KINDS
        .iter()
        .filter(|kind| kind.info().carrier == Carrier::Route);
    let lists = routes.map(|kind| async move {
        let collection = groups::all(*kind, None);
        list(cluster, &collection).await.map(|(routes, _)| routes)
    });
    let listed: Vec<Record> = future::join_all(lists)
        .await
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let line = |record: &Record| {
        let apex = ServiceRef::new(&record.meta.namespace, &record.apex);
        let consumes = |other: &&Record| {
            let routing = other.routing.as_ref();
            routing.is_some_and(|routing| routing.consumes(&apex, &record.ports))
        };
        let lines: Vec<String> = listed
            .iter()
            .filter(consumes)
            .map(|other| {
                format!(
                    "{} {} of namespace {} routes the same service for the clients there, so this \
                     may have no effect on them",
                    other.kind.info().kind,
                    other.meta.name,
                    other.meta.namespace
                )
            })
            .collect();
        (!lines.is_empty()).then(|| (record.id(), lines))
    };
    groups().filter_map(line).collect()
}

/// Returns a line for each ServiceProfile that takes precedence over the routes of a Service. Empty
/// if ServiceProfiles cannot be listed.
pub async fn profiles_over_routes(cluster: &Cluster, apex: &ServiceRef) -> Vec<String> {
    let listed = list_profiles(cluster, Some(&apex.namespace)).await;
    let listed = listed.unwrap_or_default().into_iter();
    let is_over_routes =
        |profile: &Profile| profile.service().as_ref() == Some(apex) && profile.beats_routes();
    let over_routes = listed.filter(is_over_routes);
    over_routes
        .map(|profile| competes("ServiceProfile", profile.name()))
        .collect()
}

/// Adds the lines to the warnings of each group.
pub fn warn(statuses: &mut [Status], mut conflicts: ConflictsByGroup) {
    for status in statuses {
        status
            .warnings
            .extend(conflicts.remove(&status.id).unwrap_or_default());
    }
}

/// All objects of a namespace or of the cluster that may conflict with groups.
struct ConflictIndex {
    records: Vec<Record>,
    /// The indexes of the objects that distribute the requests of each service, groups or not:
    /// TrafficSplits and, if routes define groups, routes.
    by_service: HashMap<ServiceRef, Vec<usize>>,
    profiles: HashMap<ServiceRef, Vec<Profile>>,
    services: HashMap<ServiceRef, Service>,
    unread: Vec<UnreadConflicts>,
}

impl ConflictIndex {
    /// Reads the objects. `names` are the services that routes with groups are attached to or send
    /// to.
    async fn read(cluster: &Cluster, namespace: Option<&str>, names: &BTreeSet<&str>) -> Self {
        let kinds = if names.is_empty() {
            &[&TrafficSplit as &dyn Kind]
        } else {
            KINDS
        };
        let records = kinds.iter().map(|kind| async move {
            let listed = match list(cluster, &groups::all(*kind, namespace)).await {
                Ok((objects, _)) => Ok(objects),
                Err(error) => none_if_absent(groups::clarified(cluster, *kind, error).await),
            };
            (format!("another {}", kind.info().kind), listed)
        });
        let profiles = list_profiles(cluster, namespace);
        let services = read_services(cluster, namespace, names);
        let (records, profiles, services) =
            future::join3(future::join_all(records), profiles, services).await;
        let mut unread = Vec::new();
        let mut known = Vec::new();
        for (what, listed) in records {
            known.extend(or_note(listed, &what, namespace, &mut unread));
        }
        let profiles = or_note(profiles, "a ServiceProfile", namespace, &mut unread);
        let profiles = profiles
            .into_iter()
            .filter_map(|profile| Some((profile.service()?, profile)));
        Self {
            by_service: gather(known.iter().enumerate().flat_map(|(index, record)| {
                services_of(record)
                    .into_iter()
                    .map(move |service| (service, index))
            })),
            records: known,
            profiles: gather(profiles),
            services: services
                .into_iter()
                .map(|service| (service.at.clone(), service))
                .collect(),
            unread,
        }
    }

    /// Returns the objects that distribute the requests of a Service.
    fn objects_of(&self, apex: &ServiceRef) -> impl Iterator<Item = &Record> {
        let objects = self.by_service.get(apex).into_iter().flatten();
        objects.filter_map(|index| self.records.get(*index))
    }

    /// Whether another object takes all requests away from a group.
    fn ignores(&self, record: &Record) -> bool {
        let apex = ServiceRef::new(&record.meta.namespace, &record.apex);
        let mut others = self.objects_of(&apex);
        let takes_all = |other| conflict(record, other).is_some_and(|conflict| conflict.is_total);
        let mut profiles = self.profiles.get(&apex).into_iter().flatten();
        record.routing.is_some() && profiles.any(Profile::beats_routes) || others.any(takes_all)
    }

    fn conflicts(&self, record: &Record) -> Vec<String> {
        let apex = ServiceRef::new(&record.meta.namespace, &record.apex);
        let conflicts = self
            .objects_of(&apex)
            .filter_map(|other| conflict(record, other));
        let mut lines: Vec<String> = conflicts.map(|conflict| conflict.words).collect();
        let is_in_conflict = |profile: &&Profile| match (&record.routing, &record.group) {
            (Some(_), _) => profile.beats_routes(),
            (None, Ok(group)) => profile.leads_elsewhere(group),
            (None, Err(_)) => false,
        };
        let profiles = self
            .profiles
            .get(&apex)
            .into_iter()
            .flatten()
            .filter(is_in_conflict);
        lines.extend(profiles.map(|profile| competes("ServiceProfile", profile.name())));
        if record.routing.is_some() {
            let why = self
                .services
                .get(&apex)
                .and_then(|service| service.no_parent);
            lines.extend(why.map(|why| {
                format!(
                    "Service {} {why}, so routes on it have no effect",
                    apex.name
                )
            }));
        }
        lines
    }
}

impl ConflictIndex {
    /// Returns a line for each backend of a route that gets its requests in vain, since Linkerd
    /// needs a port that the Service has.
    fn missing_ports(&self, record: &Record) -> Vec<String> {
        let home = &record.meta.namespace;
        let has = |service: &ServiceRef| {
            let service = self.services.get(service)?;
            let ports: BTreeSet<u16> = service.ports.iter().map(|port| port.port).collect();
            (!ports.is_empty()).then_some(ports)
        };
        let backend = |(service, port): &(ServiceRef, Option<u16>)| {
            let name = Backend::new(home, service.clone(), 0).name;
            let port = port.as_ref()?;
            let ports = has(service).filter(|ports| !ports.contains(port))?;
            Some(format!(
                "its backend {name} lacks port {port} (it has {}), so requests to it fail",
                join(&ports)
            ))
        };
        let apex = ServiceRef::new(home, &record.apex);
        let parent = |port: &u16| {
            let ports = has(&apex).filter(|ports| !ports.contains(port))?;
            Some(format!(
                "Service {} lacks port {port} (it has {}), so the route has no effect there",
                apex.name,
                join(&ports)
            ))
        };
        let backends = record.backend_ports.iter().filter_map(backend);
        let lines: BTreeSet<String> = record
            .ports
            .iter()
            .filter_map(parent)
            .chain(backends)
            .collect();
        lines.into_iter().collect()
    }
}

fn join(ports: &BTreeSet<u16>) -> String {
    let numbers: Vec<String> = ports.iter().map(u16::to_string).collect();
    numbers.join(", ")
}

fn gather<T>(pairs: impl IntoIterator<Item = (ServiceRef, T)>) -> HashMap<ServiceRef, Vec<T>> {
    let mut gathered = HashMap::<ServiceRef, Vec<T>>::new();
    for (service, of_it) in pairs {
        gathered.entry(service).or_default().push(of_it);
    }
    gathered
}

/// Returns the services whose requests an object distributes.
fn services_of(record: &Record) -> Vec<ServiceRef> {
    let here = |name: &str| ServiceRef::new(&record.meta.namespace, name);
    match &record.routing {
        Some(routing) => routing.services().map(here).collect(),
        None => vec![here(&record.apex)],
    }
}

/// Returns the listed objects. If the list failed, records the failure and returns no objects.
fn or_note<T>(
    listed: RequestResult<Vec<T>>,
    what: &str,
    namespace: Option<&str>,
    unread: &mut Vec<UnreadConflicts>,
) -> Vec<T> {
    listed.unwrap_or_else(|error| {
        let words = format!(
            "can't tell whether {what} routes the same service: {}",
            error.cause
        );
        unread.push(UnreadConflicts {
            namespace: namespace.map(str::to_owned),
            words,
        });
        Vec::new()
    })
}

/// Lists ServiceProfiles. Returns none if the cluster does not serve them, even if the list is
/// forbidden.
pub async fn list_profiles(
    cluster: &Cluster,
    namespace: Option<&str>,
) -> RequestResult<Vec<Profile>> {
    match list(cluster, &service_profiles::collection(namespace)).await {
        Ok((profiles, _)) => Ok(profiles),
        Err(error) if error.is_forbidden() => {
            let ApiResource { api, plural } = SERVICE_PROFILES;
            let api = api.trim_start_matches("apis/");
            match discovery::serves(cluster, api, plural).await {
                Ok(false) => Ok(Vec::new()),
                _ => Err(error),
            }
        }
        Err(error) => none_if_absent(error),
    }
}

fn none_if_absent<T>(error: RequestError) -> RequestResult<Vec<T>> {
    if error.is_not_found() {
        Ok(Vec::new())
    } else {
        Err(error)
    }
}

/// Returns the Services that can be read.
async fn read_services(
    cluster: &Cluster,
    namespace: Option<&str>,
    names: &BTreeSet<&str>,
) -> Vec<Service> {
    let Some(namespace) = namespace else {
        let listed = list(cluster, &services::all(None)).await;
        return listed.map(|(services, _)| services).unwrap_or_default();
    };
    services::read(cluster, namespace, names.iter().copied())
        .await
        .into_iter()
        .filter_map(|(_, found)| found.ok().flatten())
        .collect()
}

fn competes(kind: &str, name: &str) -> String {
    format!("{kind} {name} routes the same service, so this may have no effect")
}

/// An object that keeps a group from having an effect.
#[derive(Debug)]
pub struct Conflict {
    /// It takes all of the traffic.
    pub is_total: bool,
    pub words: String,
}

impl Conflict {
    fn total(words: String) -> Self {
        Self {
            is_total: true,
            words,
        }
    }

    fn partial(words: String) -> Self {
        Self {
            is_total: false,
            words,
        }
    }
}

/// Returns the conflict with another object, if any. Of two routes of the same kind, the older one
/// receives the requests that both match. Linkerd's own HTTPRoutes and those of the Gateway API
/// count as the same kind.
pub fn conflict(record: &Record, other: &Record) -> Option<Conflict> {
    if other.meta.namespace != record.meta.namespace || other.id() == record.id() {
        return None;
    }
    let (kind, name) = (other.kind.info().kind, &other.meta.name);
    let (Some(own), Some(theirs)) = (&record.routing, &other.routing) else {
        let is_rival = other.routing.is_none() && other.is_rival_of(record);
        return is_rival.then(|| Conflict::partial(competes(kind, name)));
    };
    if !theirs.takes(&record.apex, &record.ports) {
        return None;
    }
    let on_all_ports = theirs.covers(&record.apex, &record.ports);
    if kind != record.kind.info().kind {
        let conflict = if on_all_ports {
            Conflict::total(format!(
                "{kind} {name} routes the same service and takes precedence over HTTPRoutes, so \
                 this route has no effect"
            ))
        } else {
            Conflict::partial(format!(
                "{kind} {name} routes some ports of the same service and takes precedence over \
                 HTTPRoutes, so this route has no effect on those ports"
            ))
        };
        return (kind == "GRPCRoute").then_some(conflict);
    }
    if other.claim().age() >= record.claim().age() {
        return None;
    }
    match own.overlap(theirs) {
        Overlap::Nothing => None,
        Overlap::All if !on_all_ports => Some(Conflict::partial(format!(
            "the older {kind} {name} has the same matches on some ports, so this route has no \
             effect on those ports"
        ))),
        Overlap::Some => Some(Conflict::partial(format!(
            "the older {kind} {name} has some of the same matches, so this route does not apply \
             to those requests"
        ))),
        Overlap::All => Some(Conflict::total(format!(
            "the older {kind} {name} has the same matches, so this route has no effect"
        ))),
    }
}
