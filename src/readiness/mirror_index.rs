//! The index of mirrors: the services behind mirrored backends, and the backends that each one
//! affects.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::scope::Affected;
use crate::cluster::remotes::named_remotes::NamedRemotes;
use crate::model::limits::MAX_LINKED_CLUSTERS;
use crate::model::{Mirror, RemoteService, ServiceRef};

/// A service and its cluster. None: the groups' own cluster.
pub type LocatedService = (Option<String>, ServiceRef);

#[derive(Debug, Default)]
pub struct MirrorIndex {
    by_mirror: HashMap<ServiceRef, Vec<LocatedService>>,
    mirrors: HashMap<LocatedService, Vec<ServiceRef>>,
    /// The clusters whose services are mirrored, even if they may not be asked.
    clusters: BTreeSet<String>,
    /// The clusters that the mirrors of each namespace ask by their links.
    linked: HashMap<String, HashSet<String>>,
    /// Services of clusters that are not asked, since their mirrors name too many clusters.
    refused: HashSet<LocatedService>,
}

impl MirrorIndex {
    /// Adds the services behind a mirror, in this cluster and in the clusters that may be asked.
    pub fn add(&mut self, service: &ServiceRef, mirror: &Mirror, remotes: &NamedRemotes) {
        self.clusters
            .extend(mirror.remotes().map(|remote| remote.cluster.clone()));
        let here = mirror.locals().map(|service| (None, service.clone()));
        let mut located: Vec<LocatedService> = here.collect();
        for RemoteService {
            cluster,
            service: there,
        } in mirror.remotes()
        {
            let there = (Some(cluster.clone()), there.clone());
            if remotes.is_named(cluster) {
                located.push(there);
            } else if remotes.has(cluster) {
                if self.may_use_link(&service.namespace, cluster) {
                    located.push(there);
                } else {
                    self.refused.insert(there);
                }
            }
        }
        for located in located {
            self.mirrors
                .entry(located.clone())
                .or_default()
                .push(service.clone());
            self.by_mirror
                .entry(service.clone())
                .or_default()
                .push(located);
        }
    }

    /// Counts a cluster that a mirror of this namespace names. Whoever writes mirrors could name any
    /// number of clusters.
    fn may_use_link(&mut self, namespace: &str, cluster: &str) -> bool {
        let linked = self.linked.entry(namespace.to_owned()).or_default();
        if linked.contains(cluster) {
            return true;
        }
        let is_free = linked.len() < MAX_LINKED_CLUSTERS;
        is_free && linked.insert(cluster.to_owned())
    }

    /// Returns whether a service of another cluster is not asked for: see [`MAX_LINKED_CLUSTERS`].
    pub fn is_refused(&self, located: &LocatedService) -> bool {
        self.refused.contains(located) && !self.mirrors.contains_key(located)
    }

    pub fn services(&self) -> impl Iterator<Item = &LocatedService> {
        self.mirrors.keys()
    }

    pub fn clusters(&self) -> Vec<&str> {
        self.clusters.iter().map(String::as_str).collect()
    }

    /// Returns the services behind a backend. Empty if it is not a mirror.
    pub fn behind(&self, service: &ServiceRef) -> &[LocatedService] {
        self.by_mirror.get(service).map_or(&[], Vec::as_slice)
    }

    /// Returns the backends that a change in a cluster affects.
    pub fn affected(&self, cluster: Option<&str>, affected: Affected) -> Affected {
        if self.mirrors.is_empty() && cluster.is_none() {
            return affected;
        }
        let mirrors_of = |services: Vec<ServiceRef>| {
            let located = services
                .into_iter()
                .map(|service| (cluster.map(str::to_owned), service));
            located
                .filter_map(|located| self.mirrors.get(&located))
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
        };
        match (cluster, affected) {
            (_, Affected::Nothing) => Affected::Nothing,
            // A local member of a federation is in the same namespace and the same watch as its
            // mirror.
            (None, Affected::Scope(scope)) => Affected::Scope(scope),
            (None, Affected::Services(mut services)) => {
                services.extend(mirrors_of(services.clone()));
                Affected::Services(services)
            }
            (Some(_), Affected::Services(services)) => Affected::Services(mirrors_of(services)),
            (Some(_), Affected::Scope(scope)) => {
                let covered = self
                    .mirrors
                    .iter()
                    .filter(|((_, service), _)| scope.covers(cluster, service));
                let covered = covered.filter(|((of, _), _)| of.as_deref() == cluster);
                Affected::Services(
                    covered
                        .flat_map(|(_, mirrors)| mirrors.iter().cloned())
                        .collect(),
                )
            }
        }
    }
}
