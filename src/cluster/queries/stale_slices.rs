//! Finds Services whose selector was removed. Kubernetes leaves their EndpointSlices as they were,
//! and Linkerd goes on using them (kubernetes/kubernetes#118376).

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};

use crate::cluster::api::{endpoint_slices, services};
use crate::cluster::listwatch::list::list;
use crate::cluster::transport::client::Cluster;
use crate::model::ServiceRef;

/// The number of namespaces to read at once.
const CONCURRENT_STALE_SLICE_READS: usize = 4;

/// Returns those of these services, by namespace, whose EndpointSlices nothing updates. Empty where
/// that cannot be read.
pub async fn find(
    cluster: &Cluster,
    services: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<ServiceRef> {
    stream::iter(services)
        .map(async |(namespace, names)| find_in(cluster, namespace, names).await)
        .buffer_unordered(CONCURRENT_STALE_SLICE_READS)
        .flat_map(stream::iter)
        .collect()
        .await
}

async fn find_in(cluster: &Cluster, namespace: &str, names: &BTreeSet<String>) -> Vec<ServiceRef> {
    let source = endpoint_slices::of_selectors(namespace, names);
    let slices = list(cluster, &source).await.unwrap_or_default().0;
    let names: BTreeSet<&str> = slices
        .iter()
        .map(|slice| slice.service.name.as_str())
        .filter(|name| names.contains(*name))
        .collect();
    let found = services::read(cluster, namespace, names.into_iter()).await;
    let stale = found.into_iter().filter_map(|(at, service)| {
        let has_selector = service.ok()??.has_selector;
        (!has_selector).then_some(at)
    });
    stale.collect()
}
