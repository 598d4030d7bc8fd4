//! Groups as they stand, read once.

use std::collections::{BTreeMap, HashMap};

use futures::future;
use jiff::Timestamp;

use super::client::Cluster;
use super::error::{RequestError, RequestResult};
use super::lease::{self, Lease};
use super::readiness;
use super::{groups, stream, upstream};
use crate::model::{GroupId, Invalid, Readiness, Runner, ServiceRef, Status};
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{KINDS, Record};

/// Lists the groups of every kind that the cluster knows.
///
/// # Errors
/// Where a list fails, or no kind is known: then with "not found".
pub async fn list_groups(
    cluster: &Cluster,
    namespace: Option<&str>,
    labels: Option<&str>,
) -> RequestResult<Vec<Record>> {
    let lists = KINDS.iter().map(|kind| async move {
        let source = groups::source(*kind, namespace, labels);
        stream::list(cluster, &source).await.map(|(records, _)| records)
    });
    let (mut records, mut absent): (Vec<Record>, Option<RequestError>) = (Vec::new(), None);
    let mut known = false;
    for list in future::join_all(lists).await {
        match list {
            Ok(listed) => {
                known = true;
                records.extend(listed);
            }
            Err(error) if error.is_not_found() => absent = Some(error),
            Err(error) => return Err(error),
        }
    }
    match absent {
        Some(error) if !known => Err(error),
        _ => Ok(records),
    }
}

/// How each of these groups stands. `rivals` are all groups of the namespaces, to find apexes that are claimed
/// twice.
pub async fn survey(cluster: &Cluster, records: &[Record], rivals: &[Record]) -> Vec<Status> {
    let wanted = readiness::backends_of(records);
    let namespaces: Vec<&str> = records.iter().map(|record| record.meta.namespace.as_str()).collect();
    let (readiness, runners) =
        future::join(readiness::read(cluster, &wanted), Runners::read(cluster, &namespaces)).await;
    let oldest = oldest_by_apex(rivals);
    let now = cluster.clock().now();
    records.iter().map(|record| status(record, &readiness, &oldest, runners.of(record, now), now)).collect()
}

/// How one group stands, for what is known of its backends; those that are not among `readiness` are unknown.
pub fn status(
    record: &Record,
    readiness: &HashMap<ServiceRef, Readiness>,
    oldest: &BTreeMap<ServiceRef, GroupId>,
    runner: Runner,
    now: Timestamp,
) -> Status {
    let apex = ServiceRef::new(&record.meta.namespace, &record.apex);
    let rival = oldest.get(&apex).filter(|oldest| **oldest != record.id());
    let invalid = match (&record.group, rival) {
        (Err(invalid), _) => invalid.clone(),
        (Ok(_), Some(rival)) => Invalid::claimed_twice(&record.apex, rival, CONTROLLED_BY),
        (Ok(group), None) => {
            let backends = readiness::in_order(group, readiness);
            return Status::of(group, &backends, record.changed(), runner, now);
        }
    };
    Status::invalid(record.id(), record.apex.clone(), invalid, record.changed(), runner)
}

/// Of the groups that share an apex, the oldest one that is a group.
pub fn oldest_by_apex<'a>(records: impl IntoIterator<Item = &'a Record>) -> BTreeMap<ServiceRef, GroupId> {
    let mut groups: Vec<&Record> = records.into_iter().filter(|record| record.group.is_ok()).collect();
    groups.sort_by_key(|record| record.age());
    let mut oldest = BTreeMap::new();
    for record in groups {
        let apex = ServiceRef::new(&record.meta.namespace, &record.apex);
        oldest.entry(apex).or_insert_with(|| record.id());
    }
    oldest
}

/// Who runs the groups, by namespace.
#[derive(Debug, Default)]
pub struct Runners {
    /// None: they can't be read.
    pub leases: Option<Vec<Lease>>,
    /// Linkerd's own controller runs in the cluster.
    pub upstream: bool,
}

impl Runners {
    async fn read(cluster: &Cluster, namespaces: &[&str]) -> Self {
        let first = namespaces.first().copied();
        let single = first.filter(|first| namespaces.iter().all(|namespace| namespace == first));
        let (leases, upstream) = future::join(lease::list(cluster, single), runs_upstream(cluster)).await;
        Self { leases: leases.ok(), upstream }
    }

    pub fn of(&self, record: &Record, now: Timestamp) -> Runner {
        let Some(leases) = &self.leases else { return Runner::Unknown };
        let own = leases.iter().find(|lease| lease.metadata.namespace == record.meta.namespace);
        match own.and_then(|lease| lease.spec.holder(now)) {
            Some(holder) => Runner::Held(holder.to_owned()),
            None if self.upstream => Runner::Upstream,
            None => Runner::Nobody,
        }
    }
}

/// Whether Linkerd's own controller is seen. Where the namespaces of the cluster may not be listed it can't be,
/// which is no failure.
pub async fn runs_upstream(cluster: &Cluster) -> bool {
    upstream::find(cluster).await.is_ok_and(|found| found.is_some())
}
