//! Reads the readiness of backends once. Lists fill a [`ReadinessCache`] instead of watches. The
//! look-up is the same.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::{join, join_all};
use futures::{StreamExt as _, stream};
use tokio::time::Instant;

use super::backends::{Reading, Readings, ServiceNames, by_namespace, services};
use super::cache::ReadinessCache;
use super::prefetch::PrefetchedSlices;
use super::relist::list_remote_slices;
use super::scope::SliceScope;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::services as service_api;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::freshness::FIRST_LIST_TIMEOUT;
use crate::cluster::listwatch::list::list;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::{Clusters, RequestResult};
use crate::model::{Destination, RemoteService, ServiceRef, WhyUnknown};

/// The number of lists of this cluster in flight.
const CONCURRENT_LISTS: usize = 8;
/// Of more backends than this, only those without slices of their own are read: a Service rarely
/// goes without its slices.
const MAX_SERVICES_READ: usize = 1_000;
/// The time of every list.
const LISTED: Duration = Duration::ZERO;
/// The time of the look-up: after the time limit of a first list, so that missing lists make
/// backends unknown.
const SETTLED: Duration = FIRST_LIST_TIMEOUT.saturating_add(Duration::from_secs(1));

/// A Service, and what reading it returned.
type FoundService = (ServiceRef, RequestResult<Option<Service>>);

/// Returns the readiness of each of these backends. A backend that cannot be read is unknown, with
/// the reason. Also reads the services behind mirrors, in the clusters that may be asked.
pub async fn read(cluster: &Clusters, backends: &BTreeSet<Destination>) -> Readings {
    read_with(cluster, backends, PrefetchedSlices::default()).await
}

/// Like [`read`], but uses slices that were listed before.
pub async fn read_with(
    cluster: &Clusters,
    backends: &BTreeSet<Destination>,
    prefetched: PrefetchedSlices,
) -> Readings {
    let mut cache = ReadinessCache::new(cluster.remotes().asked());
    let names = by_namespace(backends.iter().map(|backend| &backend.service));
    let mut wanted: Vec<ServiceRef> = services(&names).collect();
    if wanted.len() > MAX_SERVICES_READ {
        wanted.clear();
    }
    let (found, ()) = join(
        read_services(cluster, &wanted),
        list_all(cluster, &mut cache, &names, prefetched),
    )
    .await;
    record(&mut cache, found);
    if let Some(mirrored) = cache.mirrored_clusters(SETTLED) {
        cluster.remotes().warn_unmirrored(&mirrored);
    }
    let found = read_services(cluster, &cache.without_proof(backends, SETTLED)).await;
    record(&mut cache, found);
    backends
        .iter()
        .map(|backend| {
            let lookup = cache.lookup(&backend.service, &backend.ports, SETTLED);
            let reading = Reading {
                readiness: lookup.or_unknown(),
                last_write: cache.last_write(&backend.service, SETTLED),
            };
            (backend.clone(), reading)
        })
        .collect()
}

async fn read_services(cluster: &Clusters, services: &[ServiceRef]) -> Vec<FoundService> {
    let services = by_namespace(services);
    let reads = services.iter().map(|(namespace, names)| {
        service_api::read(cluster, namespace, names.iter().map(String::as_str))
    });
    in_turn(reads).await.into_iter().flatten().collect()
}

fn record(cache: &mut ReadinessCache, found: Vec<FoundService>) {
    for (service, found) in found {
        cache.service_read(&service, &found, LISTED);
    }
}

/// Returns the services of other clusters that may be asked and that these backends mirror.
pub async fn mirrored_services(
    cluster: &Clusters,
    backends: &ServiceNames,
) -> BTreeSet<RemoteService> {
    let mut cache = ReadinessCache::new(cluster.remotes().asked());
    let scopes = cache.plan(backends.clone(), LISTED).start;
    let lists = scopes
        .iter()
        .map(async |(id, scope)| (*id, list_mirrors(cluster, scope).await));
    for (id, listed) in in_turn(lists).await {
        cache.mirrors_listed(id, listed, LISTED);
    }
    cache.plan(backends.clone(), LISTED);
    cache.mirrored_services().collect()
}

/// Lists each scope that the cache plans. The first lists show which further scopes are needed:
/// those of other clusters, or each namespace if the whole cluster is forbidden.
async fn list_all(
    cluster: &Clusters,
    cache: &mut ReadinessCache,
    backends: &ServiceNames,
    mut prefetched: PrefetchedSlices,
) {
    loop {
        let scopes = cache.plan(backends.clone(), LISTED).start;
        if scopes.is_empty() {
            return;
        }
        let (local, remote): (Vec<_>, Vec<_>) = scopes
            .into_iter()
            .map(|(id, scope)| (id, prefetched.take(&scope), scope))
            .partition(|(_, _, scope)| scope.cluster.is_none());
        let local = local.into_iter().map(async |(id, prefetched, scope)| {
            let slices = list_slices(cluster, &scope, prefetched);
            let (slices, mirrors) = join(slices, list_mirrors(cluster, &scope)).await;
            (id, slices, mirrors)
        });
        let remote = remote.into_iter().filter_map(|(id, _, scope)| {
            let name = scope.cluster.clone()?;
            Some(async move { (id, list_remote(cluster, &name, &scope).await) })
        });
        // Each cluster has its own time limit and at most about 50 scopes, so clusters do not wait
        // for each other.
        let (local, remote) = join(in_turn(local), join_all(remote)).await;
        for (id, slices, mirrors) in local {
            cache.mirrors_listed(id, mirrors, LISTED);
            cache.slice_event(id, slices, LISTED);
        }
        for (id, slices) in remote {
            match slices {
                Ok(slices) => {
                    cache.slice_event(id, slices, LISTED);
                }
                Err(why) => {
                    cache.no_access(id, why);
                }
            }
        }
    }
}

async fn in_turn<T>(requests: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    stream::iter(requests)
        .buffer_unordered(CONCURRENT_LISTS)
        .collect()
        .await
}

async fn list_slices(
    cluster: &Clusters,
    scope: &SliceScope,
    prefetched: Option<Vec<Slice>>,
) -> Event<Slice> {
    match prefetched {
        Some(slices) => Event::Listed(slices),
        None => listed(
            list(cluster, &scope.slices())
                .await
                .map(|(slices, _)| slices),
        ),
    }
}

/// Lists the mirrors. Without other clusters to ask, only some Services matter, and those are read
/// by their names.
async fn list_mirrors(cluster: &Clusters, scope: &SliceScope) -> RequestResult<Vec<Service>> {
    if cluster.remotes().is_empty() {
        return Ok(Vec::new());
    }
    let source = service_api::mirrors(scope.namespace.as_deref());
    list(cluster, &source).await.map(|(mirrors, _)| mirrors)
}

async fn list_remote(
    cluster: &Clusters,
    name: &str,
    scope: &SliceScope,
) -> Result<Event<Slice>, WhyUnknown> {
    let (limit, asked) = (cluster.remotes().read_timeout(name), Instant::now());
    let slices = list_remote_slices(cluster, name, &scope.slices(), limit).await;
    if asked.elapsed() >= limit {
        cluster.remotes().note_timeout(name);
    }
    slices.map(listed)
}

fn listed<T>(list: RequestResult<Vec<T>>) -> Event<T> {
    list.map_or_else(Event::Failed, Event::Listed)
}
