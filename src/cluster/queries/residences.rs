//! Reads which clusters the backends of groups are in: a list of the mirror Services of their
//! namespaces tells. Every other Service is local.

use std::collections::{BTreeSet, HashMap};

use futures::{StreamExt as _, stream};

use crate::cluster::api::services;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::list::{MAX_NAMESPACED_LISTS, list_objects};
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::model::{Residence, ServiceRef, Status};
use crate::resource::Record;

const CONCURRENT_LISTS: usize = 8;

/// The clusters that backends are in.
#[derive(Debug, Default)]
pub struct Residences {
    mirrors: HashMap<ServiceRef, Residence>,
    /// The namespaces whose mirrors could not be listed.
    unread: HashMap<String, RequestError>,
}

impl Residences {
    /// Returns where the pods of a Service are.
    pub fn of(&self, service: &ServiceRef) -> Residence {
        match self.mirrors.get(service) {
            Some(residence) => residence.clone(),
            None if self.unread.contains_key(&service.namespace) => Residence::Unknown,
            None => Residence::Local,
        }
    }

    /// Returns where each backend of a group is, in the group's order.
    pub fn of_backends(&self, status: &Status) -> Vec<Residence> {
        let backends = status.backends.iter();
        let residences = backends.map(|backend| self.of(&backend.service(&status.id.namespace)));
        residences.collect()
    }

    /// Returns the other clusters that mirrors name.
    pub fn mirrored(&self) -> BTreeSet<String> {
        let mut clusters = BTreeSet::new();
        for residence in self.mirrors.values() {
            match residence {
                Residence::Mirrored { cluster, .. } => {
                    clusters.insert(cluster.clone());
                }
                Residence::Federated { clusters: more, .. } => {
                    clusters.extend(more.iter().cloned());
                }
                Residence::Local | Residence::Unknown => {}
            }
        }
        clusters
    }

    /// Whether a namespace has mirrors of a cluster.
    pub fn mirrors_in(&self, namespace: &str, cluster: &str) -> bool {
        let mut mirrors = self.mirrors.iter();
        mirrors.any(|(service, residence)| {
            service.namespace == namespace && residence.clusters("").contains(cluster)
        })
    }

    /// Returns why the mirrors of a namespace could not be listed.
    pub fn error(&self, namespace: &str) -> Option<&RequestError> {
        self.unread.get(namespace)
    }
}

/// Reads where the backends of these groups are. Of the namespaces whose mirrors cannot be listed,
/// all Services are unknown.
pub async fn read(cluster: &Cluster, records: &[Record]) -> Residences {
    let groups = records
        .iter()
        .filter_map(|record| record.group.as_ref().ok());
    let backends = groups.flat_map(|group| &group.backends);
    let backends = backends.map(|backend| backend.service.namespace.as_str());
    let invalid = records.iter().filter(|record| record.group.is_err());
    let invalid = invalid.map(|record| record.meta.namespace.as_str());
    let namespaces: BTreeSet<&str> = backends.chain(invalid).collect();
    let mut residences = Residences::default();
    if namespaces.len() > MAX_NAMESPACED_LISTS
        && let Ok(mirrors) = list_objects(cluster, &services::mirrors(None)).await
    {
        residences.add(mirrors);
        return residences;
    }
    let lists = namespaces.into_iter().map(async |namespace| {
        let mirrors = list_objects(cluster, &services::mirrors(Some(namespace))).await;
        (namespace, mirrors)
    });
    let mut lists = stream::iter(lists).buffer_unordered(CONCURRENT_LISTS);
    while let Some((namespace, listed)) = lists.next().await {
        let listed: RequestResult<Vec<Service>> = listed;
        match listed {
            Ok(mirrors) => residences.add(mirrors),
            Err(error) => {
                residences.unread.insert(namespace.to_owned(), error);
            }
        }
    }
    residences
}

impl Residences {
    fn add(&mut self, mirrors: Vec<Service>) {
        let mirrors = mirrors.into_iter();
        let mirrors = mirrors.map(|mirror| (mirror.at.clone(), mirror.residence()));
        self.mirrors.extend(mirrors);
    }
}
