//! The index of mirrors: the services behind mirrored backends, and the backends that each one
//! affects.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::scope::Affected;
use crate::cluster::remotes::named_remotes::NamedRemotes;
use crate::model::limits::{MAX_LINKED_CLUSTERS, MAX_REMOTE_NAMESPACES};
use crate::model::{Mirror, RemoteService, ServiceRef, WhyUnknown};

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
    /// Services that are not read, since mirrors name too many clusters or namespaces.
    refused: HashMap<LocatedService, WhyUnknown>,
    /// The mirrors of these services.
    refused_mirrors: HashSet<ServiceRef>,
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
                    let why = WhyUnknown::TooManyLinks(cluster.clone());
                    self.refused.insert(there, why);
                    self.refused_mirrors.insert(service.clone());
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

    /// Limits the namespaces of a cluster that needs a watch for each. The namespaces with mirrors
    /// take turns: whoever writes mirrors could name any number of namespaces.
    pub fn limit_namespaces(&mut self, cluster: &str) {
        let mut by_owner: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
        for ((of, service), mirrors) in &self.mirrors {
            for mirror in mirrors.iter().filter(|_| of.as_deref() == Some(cluster)) {
                let wanted = by_owner.entry(&mirror.namespace).or_default();
                wanted.insert(&service.namespace);
            }
        }
        let chosen = in_turns(by_owner.into_values(), MAX_REMOTE_NAMESPACES);
        let is_over = |(of, service): &LocatedService, _: &mut Vec<ServiceRef>| {
            of.as_deref() == Some(cluster) && !chosen.contains(&service.namespace)
        };
        for (located, mirrors) in self.mirrors.extract_if(is_over) {
            for mirror in mirrors {
                if let Some(behind) = self.by_mirror.get_mut(&mirror) {
                    behind.retain(|other| *other != located);
                }
                self.refused_mirrors.insert(mirror);
            }
            let why = WhyUnknown::TooManyNamespaces(cluster.to_owned());
            self.refused.insert(located, why);
        }
    }

    /// Returns why a service of another cluster is not read: see [`MAX_LINKED_CLUSTERS`] and
    /// [`MAX_REMOTE_NAMESPACES`].
    pub fn why_refused(&self, located: &LocatedService) -> Option<&WhyUnknown> {
        let why = self.refused.get(located)?;
        (!self.mirrors.contains_key(located)).then_some(why)
    }

    /// Returns the mirrors of services that are not read, except the mirrors known before.
    pub fn refused_since(&self, before: &Self) -> Vec<ServiceRef> {
        let news = self.refused_mirrors.difference(&before.refused_mirrors);
        news.cloned().collect()
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

/// Chooses at most this many names, one of each owner in turn.
fn in_turns<'a>(
    owners: impl Iterator<Item = BTreeSet<&'a String>>,
    most: usize,
) -> HashSet<String> {
    let mut owners: Vec<_> = owners.map(BTreeSet::into_iter).collect();
    let mut chosen = HashSet::new();
    while !owners.is_empty() && chosen.len() < most {
        owners.retain_mut(|names| {
            let next = names.find(|name| !chosen.contains(*name));
            if let Some(name) = next
                && chosen.len() < most
            {
                chosen.insert(name.clone());
            }
            next.is_some()
        });
    }
    chosen
}
