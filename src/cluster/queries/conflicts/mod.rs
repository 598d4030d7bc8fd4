//! Conflicts: other objects that keep a group's object from having an effect, such as an older
//! route with the same matches.

mod index;
mod listed;
mod pair;
mod ports;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures::{StreamExt as _, future, stream};

use self::index::ConflictIndex;
pub use self::listed::{UnreadConflicts, list_profiles};
pub use self::pair::conflict;
use crate::cluster::api::groups;
use crate::cluster::api::service_profiles::Profile;
use crate::cluster::listwatch::list::{MAX_NAMESPACED_LISTS, list};
use crate::cluster::transport::client::Cluster;
use crate::model::{Carrier, GroupId, ServiceRef, Status};
use crate::resource::{KINDS, Record};

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
        .map(|profile| pair::competes("ServiceProfile", profile.name()))
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
