//! The controller of a namespace's groups: the holder of its Lease, or Linkerd's own failover
//! controller.

use futures::future;
use jiff::Timestamp;

use super::upstream;
use crate::cluster::api::lease;
use crate::cluster::api::lease::Lease;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::client::Cluster;
use crate::model::Runner;
use crate::resource::{Record, Upstream};

/// The controllers of groups, by namespace.
#[derive(Debug, Default)]
pub struct Runners {
    /// None: the Leases can't be read.
    pub leases: Option<Vec<Lease>>,
    /// The Leases can't be watched any more, so those above may be out of date.
    pub are_stale: bool,
    /// When the API server last reported on the Leases, by its own clock.
    pub heard: Timestamp,
    /// What may be Linkerd's own controller, by namespace.
    pub upstream: Vec<Upstream>,
}

impl Runners {
    pub async fn read(cluster: &Cluster, namespaces: &[&str]) -> Self {
        let first = namespaces.first().copied();
        let single = first.filter(|first| namespaces.iter().all(|namespace| namespace == first));
        let (leases, upstream) = future::join(
            list_objects(cluster, &lease::collection(single)),
            seen_upstream(cluster),
        )
        .await;
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
        // It may have been renewed since the last report.
        let reported = watch_of(leases, record, now.min(self.heard));
        match watch_of(leases, record, now) {
            Some(watch) => reported.unwrap_or(watch),
            None if reported.is_some() => Runner::Unknown,
            None if self
                .upstream
                .iter()
                .any(|upstream| upstream.manages(record)) =>
            {
                Runner::Upstream
            }
            None => Runner::Unattended,
        }
    }
}

/// Returns the holder of the live Lease that covers a group. Of several, that with a selector
/// counts, and of those the first by name.
fn watch_of(leases: &[Lease], record: &Record, at: Timestamp) -> Option<Runner> {
    let here = leases
        .iter()
        .filter(|lease| lease.metadata.namespace == record.meta.namespace);
    let covering = here.filter_map(|lease| {
        let watch = lease.runner(at)?;
        let scope = lease.scope().filter(|scope| scope.covers(record))?;
        let precedence = (scope.selector.is_empty(), lease.metadata.name.as_str());
        Some((precedence, watch))
    });
    let first = covering.min_by(|(one, _), (other, _)| one.cmp(other));
    first.map(|(_, watch)| watch)
}

/// Finds Linkerd's own controller. Returns nothing if the user is not allowed to list the cluster's
/// namespaces, which is not a failure.
pub async fn seen_upstream(cluster: &Cluster) -> Vec<Upstream> {
    upstream::find(cluster).await.unwrap_or_default()
}
