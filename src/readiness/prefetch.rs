//! Prefetches EndpointSlices: lists the slices of a namespace while its groups are still being
//! listed. This keeps `status` of thousands of groups fast (docs/performance.md).

use std::pin::pin;

use futures::future::{Either, join, select};
use tokio::sync::Notify;

use super::scope::SliceScope;
use crate::cluster::api::endpoint_slices;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::listwatch::list::list;
use crate::cluster::queries::group_list::{GroupList, list_groups, list_groups_counting};
use crate::cluster::{Cluster, RequestResult};

/// With more groups of a kind than this, the names of their backends do not fit into a selector, so
/// the whole namespace has to be listed.
const PREFETCH_THRESHOLD: usize = 500;

/// All slices of a namespace, listed before its backends were known.
#[derive(Debug, Default)]
pub struct PrefetchedSlices(Option<(String, Vec<Slice>)>);

impl PrefetchedSlices {
    /// Returns the slices for a scope in the local cluster, once.
    pub fn take(&mut self, scope: &SliceScope) -> Option<Vec<Slice>> {
        let is_meant = |(of, _): &mut (String, _)| {
            scope.cluster.is_none() && scope.namespace.as_ref() == Some(of)
        };
        self.0.take_if(is_meant).map(|(_, slices)| slices)
    }
}

/// Lists groups. With `prefetch`, also lists the slices of their namespace once there are many
/// groups.
///
/// # Errors
/// As [`list_groups`].
pub async fn list_groups_and_slices(
    cluster: &Cluster,
    namespace: Option<&str>,
    labels: Option<&str>,
    prefetch: bool,
) -> RequestResult<(GroupList, PrefetchedSlices)> {
    let Some(of) = namespace.filter(|_| prefetch) else {
        let groups = list_groups(cluster, namespace, labels).await?;
        return Ok((groups, PrefetchedSlices::default()));
    };
    let many = Notify::new();
    let count = |count| {
        if count == PREFETCH_THRESHOLD {
            many.notify_one();
        }
    };
    let groups = pin!(list_groups_counting(cluster, namespace, labels, &count));
    match select(groups, pin!(many.notified())).await {
        Either::Left((groups, _)) => Ok((groups?, PrefetchedSlices::default())),
        Either::Right(((), groups)) => {
            let source = endpoint_slices::collection(of, None);
            let (groups, slices) = join(groups, list(cluster, &source)).await;
            // A failed list is requested again, to report why.
            let slices = slices.ok().map(|(slices, _)| (of.to_owned(), slices));
            Ok((groups?, PrefetchedSlices(slices)))
        }
    }
}
