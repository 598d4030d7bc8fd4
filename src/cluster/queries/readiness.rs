//! The readiness of backends, read once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::future::join;
use futures::{StreamExt as _, stream};

use super::mirror_readiness;
use super::prefetch::PrefetchedSlices;
use crate::cluster::Clusters;
use crate::cluster::api::endpoint_slices;
use crate::cluster::api::endpoint_slices::{Slice, SliceIndex};
use crate::cluster::api::services;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::list::list;
use crate::cluster::listwatch::watch::Collection;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{RequestError, RequestResult};
use crate::model::readiness;
use crate::model::readiness::{Readiness, WhyUnknown};
use crate::model::{Backend, Group, Mirror, ServiceRef};
use crate::resource::Record;

/// Names of services, by namespace.
pub type ServiceNames = BTreeMap<String, BTreeSet<String>>;

/// With more namespaces than this, one list of the whole cluster is cheaper.
const MOST_NAMESPACES: usize = 50;
/// With more Services to look up in a namespace than this, a list of all is cheaper.
const MOST_LOOKUPS: usize = 4;
/// How many lists are under way at once.
const AT_ONCE: usize = 8;

/// The backends of these groups.
pub fn backends_of<'a>(records: impl IntoIterator<Item = &'a Record>) -> ServiceNames {
    let groups = records
        .into_iter()
        .filter_map(|record| record.group.as_ref().ok());
    by_namespace(
        groups
            .flat_map(|group| &group.backends)
            .map(|backend| &backend.service),
    )
}

pub fn by_namespace<'a>(services: impl IntoIterator<Item = &'a ServiceRef>) -> ServiceNames {
    let mut wanted = ServiceNames::new();
    services
        .into_iter()
        .for_each(|service| want(&mut wanted, service));
    wanted
}

pub fn want(wanted: &mut ServiceNames, service: &ServiceRef) {
    wanted
        .entry(service.namespace.clone())
        .or_default()
        .insert(service.name.clone());
}

/// The readiness of a group's backends, in their order; what was not read is unknown.
pub fn in_order(group: &Group, known: &HashMap<ServiceRef, Readiness>) -> Vec<Readiness> {
    let of = |backend: &Backend| {
        known
            .get(&backend.service)
            .cloned()
            .unwrap_or(Readiness::Unknown {
                why: WhyUnknown::NotListed,
            })
    };
    group.backends.iter().map(of).collect()
}

/// What is known of each backend that is wanted. What can't be read is unknown, with the reason. Of mirror services
/// the clusters that may be asked are asked too.
pub async fn read(cluster: &Clusters, wanted: &ServiceNames) -> HashMap<ServiceRef, Readiness> {
    read_beyond(cluster, wanted, &PrefetchedSlices::default()).await
}

/// The same, where some slices were listed ahead.
pub async fn read_beyond(
    cluster: &Clusters,
    wanted: &ServiceNames,
    ahead: &PrefetchedSlices,
) -> HashMap<ServiceRef, Readiness> {
    let here = read_here(cluster, wanted, ahead);
    if cluster.remotes().is_empty() {
        return here.await;
    }
    let (local, mirrors) = join(here, mirror_readiness::find(cluster, wanted)).await;
    mirror_readiness::follow_up(cluster, local, &mirrors).await
}

/// The same from this cluster alone.
pub(crate) async fn read_here(
    cluster: &Cluster,
    wanted: &ServiceNames,
    ahead: &PrefetchedSlices,
) -> HashMap<ServiceRef, Readiness> {
    if wanted.len() > MOST_NAMESPACES
        && let Ok((slices, _)) = list(cluster, &endpoint_slices::source_everywhere()).await
    {
        let index = SliceIndex::of(slices);
        return over_namespaces(wanted, |namespace, names| {
            complete(cluster, namespace, names, &index)
        })
        .await;
    }
    over_namespaces(wanted, |namespace, names| {
        one_namespace(cluster, namespace, names, ahead)
    })
    .await
}

async fn over_namespaces<'a, F>(
    wanted: &'a ServiceNames,
    read: impl Fn(&'a str, &'a BTreeSet<String>) -> F,
) -> HashMap<ServiceRef, Readiness>
where
    F: Future<Output = Vec<(ServiceRef, Readiness)>>,
{
    let reads = wanted
        .iter()
        .map(|(namespace, names)| read(namespace, names));
    stream::iter(reads)
        .buffer_unordered(AT_ONCE)
        .flat_map(stream::iter)
        .collect()
        .await
}

async fn one_namespace(
    cluster: &Cluster,
    namespace: &str,
    names: &BTreeSet<String>,
    ahead: &PrefetchedSlices,
) -> Vec<(ServiceRef, Readiness)> {
    if let Some(index) = ahead.slices_of(namespace) {
        return complete(cluster, namespace, names, index).await;
    }
    let source: Collection<Slice> = endpoint_slices::source(namespace, Some(names));
    match list(cluster, &source).await {
        Ok((slices, _)) => complete(cluster, namespace, names, &SliceIndex::of(slices)).await,
        Err(error) => {
            let why = why_unknown(readiness::ReadinessSource::Slices, &error);
            names
                .iter()
                .map(|name| (ServiceRef::new(namespace, name), unknown(&why)))
                .collect()
        }
    }
}

/// Counts where there are slices; what the Services say where there are none.
async fn complete(
    cluster: &Cluster,
    namespace: &str,
    names: &BTreeSet<String>,
    index: &SliceIndex,
) -> Vec<(ServiceRef, Readiness)> {
    let services = names.iter().map(|name| ServiceRef::new(namespace, name));
    let (counted, bare): (Vec<_>, Vec<_>) = services
        .map(|service| (index.counts(&service), service))
        .partition(|(counts, _)| counts.is_some());
    let bare: Vec<ServiceRef> = bare.into_iter().map(|(_, service)| service).collect();
    let counted = counted.into_iter().filter_map(|(counts, service)| {
        let (ready, total) = counts?;
        Some((service, Readiness::Known { ready, total }))
    });
    let mut readings: Vec<(ServiceRef, Readiness)> = counted.collect();
    readings.extend(look_up(cluster, namespace, bare).await);
    readings
}

/// Services without slices: dead, missing, or mirrors that have no endpoints here by design.
async fn look_up(
    cluster: &Cluster,
    namespace: &str,
    bare: Vec<ServiceRef>,
) -> Vec<(ServiceRef, Readiness)> {
    if bare.len() <= MOST_LOOKUPS {
        let reads = bare.into_iter().map(|service| async move {
            let found = services::get(cluster, &service).await;
            (service, without_slices(found.as_ref().map(Option::as_ref)))
        });
        return futures::future::join_all(reads).await;
    }
    let listed = list(cluster, &services::all(namespace)).await;
    let known: RequestResult<HashMap<ServiceRef, Service>> = listed.map(|(services, _)| {
        services
            .into_iter()
            .map(|service| (service.at.clone(), service))
            .collect()
    });
    let reading = |service: ServiceRef| {
        let readiness = without_slices(known.as_ref().map(|known| known.get(&service)));
        (service, readiness)
    };
    bare.into_iter().map(reading).collect()
}

fn without_slices(found: Result<Option<&Service>, &RequestError>) -> Readiness {
    match found {
        Ok(Some(service)) if service.has_local_endpoints() => {
            Readiness::Known { ready: 0, total: 0 }
        }
        Ok(Some(service)) => service.stands_for.as_ref().map_or_else(
            || unknown(&WhyUnknown::NoLocalEndpoints),
            Mirror::without_remotes,
        ),
        Ok(None) => Readiness::Missing,
        Err(error) => unknown(&why_unknown(readiness::ReadinessSource::Service, error)),
    }
}

/// Why a backend is unknown when the request for it failed.
pub fn why_unknown(source: readiness::ReadinessSource, error: &RequestError) -> WhyUnknown {
    if error.is_forbidden() {
        WhyUnknown::Forbidden(source)
    } else {
        WhyUnknown::Failing(source, error.cause.to_string())
    }
}

fn unknown(why: &WhyUnknown) -> Readiness {
    Readiness::Unknown { why: why.clone() }
}
