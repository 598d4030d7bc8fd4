//! Groups as they stand, read once.

use std::collections::HashMap;

use futures::future;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::prefetch::PrefetchedSlices;
use super::readiness;
use super::upstream;
use crate::cluster::Clusters;
use crate::cluster::api::groups;
use crate::cluster::api::lease;
use crate::cluster::api::lease::Lease;
use crate::cluster::listwatch::list;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{RequestError, RequestResult};
use crate::model::{ApexClaims, Invalid, OrderStatus, Readiness, Runner, ServiceRef, Status};
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{KINDS, Record, Upstream};

/// Groups, and what could not be read of them.
#[derive(Debug, Default)]
pub struct GroupList {
    pub records: Vec<Record>,
    /// Lists of kinds that the user may not read, where others can be read.
    pub forbidden: Vec<RequestError>,
}

/// Lists the groups of every kind that the cluster knows.
///
/// # Errors
/// Where a list fails, or there is none to read: no kind is known (then with "not found"), or none is allowed.
pub async fn list_groups(
    cluster: &Cluster,
    namespace: Option<&str>,
    labels: Option<&str>,
) -> RequestResult<GroupList> {
    list_groups_telling(cluster, namespace, labels, &Notify::new()).await
}

/// The same; tells as soon as many of a kind have arrived.
pub async fn list_groups_telling(
    cluster: &Cluster,
    namespace: Option<&str>,
    labels: Option<&str>,
    are_many: &Notify,
) -> RequestResult<GroupList> {
    let lists = KINDS.iter().map(|kind| async move {
        let source = groups::source(*kind, namespace, labels);
        match list::list_telling(cluster, &source, are_many).await {
            Ok((records, _)) => Ok(records),
            Err(error) => Err(groups::clarified(cluster, *kind, error).await),
        }
    });
    let (mut listed, mut absent, mut known) = (GroupList::default(), None, false);
    for list in future::join_all(lists).await {
        match list {
            Ok(records) => {
                known = true;
                listed.records.extend(records);
            }
            Err(error) if error.is_not_found() => absent = Some(error),
            Err(error) if error.is_forbidden() => listed.forbidden.push(error),
            Err(error) => return Err(error),
        }
    }
    match listed.forbidden.first().cloned().or(absent) {
        Some(error) if !known => Err(error),
        _ => Ok(listed),
    }
}

/// How each of these groups stands. `rivals` are all groups of the namespaces, to find apexes that are claimed
/// twice.
pub async fn survey(
    cluster: &Clusters,
    records: &[Record],
    rivals: &[Record],
    ahead: &PrefetchedSlices,
) -> Vec<Status> {
    let wanted = readiness::backends_of(records);
    let namespaces: Vec<&str> = records
        .iter()
        .map(|record| record.meta.namespace.as_str())
        .collect();
    let (readiness, runners) = future::join(
        readiness::read_beyond(cluster, &wanted, ahead),
        Runners::read(cluster, &namespaces),
    )
    .await;
    let claims = claims_of(rivals);
    let now = cluster.clock().now();
    records
        .iter()
        .map(|record| status(record, &readiness, &claims, runners.of(record, now), now))
        .collect()
}

/// How one group stands, for what is known of its backends; those that are not among `readiness` are unknown.
pub fn status(
    record: &Record,
    readiness: &HashMap<ServiceRef, Readiness>,
    claims: &ApexClaims<'_>,
    runner: Runner,
    now: Timestamp,
) -> Status {
    let invalid = match (&record.group, claims.oldest_rival(&record.claim())) {
        (Err(invalid), _) => invalid.clone(),
        (Ok(_), Some(rival)) => {
            Invalid::claimed_twice(&record.apex, &rival.group(), rival.port, CONTROLLED_BY)
        }
        (Ok(group), None) => {
            let backends = readiness::in_order(group, readiness);
            let mut status = Status::of(group, &backends, record.changed(), runner, now);
            status.flags.contested = record.is_contested();
            status.warnings.extend_from_slice(&record.warnings);
            if let Some(OrderStatus::Broken { edited_by, .. }) = &mut status.order {
                *edited_by = record.order_editor().map(str::to_owned);
            }
            return status;
        }
    };
    let status = Status::invalid(
        record.id(),
        record.apex.clone(),
        invalid,
        record.changed(),
        runner,
    );
    Status {
        warnings: record.warnings.clone(),
        ..status
    }
}

/// The claims of the valid groups among these.
pub fn claims_of<'a>(records: impl IntoIterator<Item = &'a Record>) -> ApexClaims<'a> {
    let valid = records.into_iter().filter(|record| record.group.is_ok());
    valid.map(Record::claim).collect()
}

/// Who runs the groups, by namespace.
#[derive(Debug, Default)]
pub struct Runners {
    /// None: they can't be read.
    pub leases: Option<Vec<Lease>>,
    /// They can't be followed any more, so that those above may be past.
    pub are_stale: bool,
    /// When the API server was last heard on them, on its clock.
    pub heard: Timestamp,
    /// Linkerd's own controller runs in the cluster.
    pub upstream: Option<Upstream>,
}

impl Runners {
    async fn read(cluster: &Cluster, namespaces: &[&str]) -> Self {
        let first = namespaces.first().copied();
        let single = first.filter(|first| namespaces.iter().all(|namespace| namespace == first));
        let (leases, upstream) =
            future::join(lease::list(cluster, single), seen_upstream(cluster)).await;
        Self {
            leases: leases.ok(),
            are_stale: false,
            heard: cluster.clock().now(),
            upstream,
        }
    }

    pub fn of(&self, record: &Record, now: Timestamp) -> Runner {
        let Some(leases) = self.leases.as_ref().filter(|_| !self.are_stale) else {
            return Runner::Unknown;
        };
        let own = leases
            .iter()
            .find(|lease| lease.metadata.namespace == record.meta.namespace);
        match own.and_then(|lease| lease.spec.holder(now)) {
            Some(holder) => Runner::Held(holder.to_owned()),
            // It may have been renewed since it was last heard of.
            None if own.is_some_and(|lease| lease.spec.holder(self.heard).is_some()) => {
                Runner::Unknown
            }
            None if self
                .upstream
                .as_ref()
                .is_some_and(|upstream| upstream.covers(record)) =>
            {
                Runner::Upstream
            }
            None => Runner::Nobody,
        }
    }
}

/// Linkerd's own controller, if it is seen. Where the namespaces of the cluster may not be listed it can't be, which
/// is no failure.
pub async fn seen_upstream(cluster: &Cluster) -> Option<Upstream> {
    upstream::find(cluster).await.ok().flatten()
}
