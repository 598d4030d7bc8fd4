//! Mirror services whose clusters may be asked, read once.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures::future::{join, join_all};
use http::Method;
use tokio::time::{Instant, timeout};

use super::prefetch::PrefetchedSlices;
use super::readiness::{ServiceNames, read_here, want, why_unknown};
use crate::cluster::Clusters;
use crate::cluster::api::endpoint_slices;
use crate::cluster::api::endpoint_slices::{Slice, SliceIndex};
use crate::cluster::api::services;
use crate::cluster::listwatch::list::list;
use crate::cluster::remotes::remote_clusters::PATIENCE;
use crate::cluster::transport::client::{Cluster, failure};
use crate::cluster::transport::error::{Cause, RequestResult};
use crate::cluster::transport::path::ENDPOINT_SLICES;
use crate::model::readiness::ReadinessSource;
use crate::model::{Mirror, Readiness, RemoteService, ServiceRef, WhyUnknown};

/// Which services are mirrors.
#[derive(Debug, Default)]
pub struct MirrorLookup {
    mirrors: HashMap<ServiceRef, Mirror>,
    /// The namespaces in which that can't be read, and why.
    unread: HashMap<String, WhyUnknown>,
}

impl MirrorLookup {
    /// The services of other clusters that they stand for.
    pub fn remotes(&self) -> impl Iterator<Item = &RemoteService> {
        self.mirrors.values().flat_map(Mirror::remotes)
    }
}

/// Which of the services that are wanted are mirrors.
pub async fn find(cluster: &Cluster, wanted: &ServiceNames) -> MirrorLookup {
    let lists = wanted.iter().map(|(namespace, names)| async move {
        (
            namespace,
            names,
            list(cluster, &services::mirrors(Some(namespace))).await,
        )
    });
    let mut found = MirrorLookup::default();
    for (namespace, names, listed) in join_all(lists).await {
        match listed {
            Ok((services, _)) => {
                let wanted = services
                    .into_iter()
                    .filter(|service| names.contains(&service.at.name));
                found
                    .mirrors
                    .extend(wanted.filter_map(|service| Some((service.at, service.stands_for?))));
            }
            Err(error) => {
                found.unread.insert(
                    namespace.clone(),
                    why_unknown(ReadinessSource::Service, &error),
                );
            }
        }
    }
    found
}

/// Asks the clusters that the mirrors stand for, all at once, and puts what they say beside what is known here.
pub async fn follow_up(
    cluster: &Clusters,
    mut local: HashMap<ServiceRef, Readiness>,
    MirrorLookup { mirrors, unread }: &MirrorLookup,
) -> HashMap<ServiceRef, Readiness> {
    let (mut here, mut there) = (ServiceNames::new(), HashMap::<&str, ServiceNames>::new());
    for mirror in mirrors.values() {
        mirror.locals().for_each(|service| want(&mut here, service));
        for RemoteService { cluster, service } in mirror.remotes() {
            want(there.entry(cluster).or_default(), service);
        }
    }
    cluster
        .remotes()
        .warn_of_strangers(&there.keys().copied().collect::<Vec<_>>());
    let asking = there.iter().map(|(name, wanted)| async move {
        let (limit, asked) = (cluster.remotes().patience(name), Instant::now());
        let answer = timeout(limit, ask(cluster, name, wanted, limit))
            .await
            .unwrap_or_else(|_| {
                let how = format!("no answer within {} s", limit.as_secs());
                Err(WhyUnknown::Failing(ReadinessSource::Slices, how).in_cluster(name))
            });
        if asked.elapsed() >= limit {
            cluster.remotes().was_silent(name);
        }
        (*name, answer)
    });
    let (here, there) = join(
        read_here(cluster, &here, &PrefetchedSlices::default()),
        join_all(asking),
    )
    .await;
    let there: HashMap<&str, Result<HashMap<ServiceRef, Readiness>, WhyUnknown>> =
        there.into_iter().collect();
    for (service, mirror) in mirrors {
        let unread = || Readiness::Unknown {
            why: WhyUnknown::NotListed,
        };
        let of_here = |service: &ServiceRef| here.get(service).cloned().unwrap_or_else(unread);
        let of_there = |remote: &RemoteService| match there.get(remote.cluster.as_str()) {
            Some(Ok(known)) => known.get(&remote.service).cloned().unwrap_or_else(unread),
            Some(Err(why)) => Readiness::Unknown { why: why.clone() },
            None => unread(),
        };
        let own = local.remove(service).unwrap_or_else(unread);
        local.insert(service.clone(), mirror.reading(own, of_here, of_there));
    }
    // One that may be a mirror is not known by its own endpoints alone.
    for (service, readiness) in local
        .iter_mut()
        .filter(|(_, readiness)| readiness.is_ready())
    {
        if let Some(why) = unread.get(&service.namespace) {
            *readiness = Readiness::Unknown { why: why.clone() };
        }
    }
    local
}

/// What the slices of another cluster say. A namespace that can't be read makes only its own services unknown.
async fn ask(
    local: &Clusters,
    name: &str,
    wanted: &ServiceNames,
    limit: Duration,
) -> Result<HashMap<ServiceRef, Readiness>, WhyUnknown> {
    let remote = local.remote(name).await?.limited(limit);
    let reads = wanted
        .iter()
        .map(|(namespace, names)| in_namespace(&remote, name, namespace, names));
    Ok(join_all(reads).await.into_iter().flatten().collect())
}

/// Lists the slices of services in one namespace of this cluster or, by its name, of one that its mirrors stand for.
///
/// # Errors
/// Where they can't be read; that another cluster can't be asked is a matter of credentials.
pub async fn list_slices(
    local: &Clusters,
    name: Option<&str>,
    namespace: &str,
    names: &BTreeSet<String>,
) -> RequestResult<Vec<Slice>> {
    let source = endpoint_slices::source(namespace, Some(names));
    let Some(name) = name else {
        return list(local, &source).await.map(|(slices, _)| slices);
    };
    let path = ENDPOINT_SLICES.collection(Some(namespace));
    let failed = |cause| failure(&Method::GET, &path, cause);
    let asking = async {
        let remote = local.remote(name).await;
        let remote = remote.map_err(|why| {
            failed(Cause::Credentials {
                how: why.to_string(),
            })
        })?;
        list(&remote.limited(PATIENCE), &source)
            .await
            .map(|(slices, _)| slices)
    };
    timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| Err(failed(Cause::TimedOut { after: PATIENCE })))
}

async fn in_namespace(
    remote: &Cluster,
    name: &str,
    namespace: &str,
    names: &BTreeSet<String>,
) -> Vec<(ServiceRef, Readiness)> {
    let listed = list(remote, &endpoint_slices::source(namespace, Some(names))).await;
    let index = listed.map(|(slices, _)| SliceIndex::of(slices));
    let reading = |service: &ServiceRef| match &index {
        Ok(index) => {
            let (ready, total) = index.counts(service).unwrap_or_default();
            Readiness::Known { ready, total }
        }
        Err(error) => Readiness::Unknown {
            why: why_unknown(ReadinessSource::Slices, error).in_cluster(name),
        },
    };
    names
        .iter()
        .map(|service| ServiceRef::new(namespace, service))
        .map(|service| {
            let readiness = reading(&service);
            (service, readiness)
        })
        .collect()
}
