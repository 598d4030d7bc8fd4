//! The scope of a watch of EndpointSlices, and the backends that an event affects.

use std::collections::BTreeSet;

use super::backends::ServiceNames;
use crate::cluster::api::endpoint_slices;
use crate::cluster::api::endpoint_slices::{Slice, selector};
use crate::cluster::api::services;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::collection::Collection;
use crate::model::ServiceRef;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SliceWatchId(pub u64);

/// A cluster and a namespace, as in [`SliceScope`].
pub type WatchPlace = (Option<String>, Option<String>);

/// The services that a watch or a list covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SliceScope {
    /// None: the groups' own cluster. Otherwise a cluster whose services are mirrored here.
    pub cluster: Option<String>,
    /// None: the whole cluster.
    pub namespace: Option<String>,
    /// None: every service.
    pub services: Option<BTreeSet<String>>,
}

impl SliceScope {
    pub fn whole_cluster(cluster: Option<&String>) -> Self {
        Self {
            cluster: cluster.cloned(),
            namespace: None,
            services: None,
        }
    }

    /// Returns a scope for each namespace. The scope is namespace-wide if the names do not fit into
    /// a selector.
    pub fn by_namespace(cluster: Option<&String>, services: &ServiceNames) -> Vec<Self> {
        let scope = |(namespace, names): (&String, &BTreeSet<String>)| Self {
            cluster: cluster.cloned(),
            namespace: Some(namespace.clone()),
            services: selector(names).map(|_| names.clone()),
        };
        services.iter().map(scope).collect()
    }

    pub fn covers(&self, cluster: Option<&str>, service: &ServiceRef) -> bool {
        let is_within = |namespace: &String| *namespace == service.namespace;
        let is_named = |services: &BTreeSet<String>| services.contains(&service.name);
        self.cluster.as_deref() == cluster
            && self.namespace.as_ref().is_none_or(is_within)
            && self.services.as_ref().is_none_or(is_named)
    }

    pub fn slices(&self) -> Collection<Slice> {
        match &self.namespace {
            Some(namespace) => endpoint_slices::collection(namespace, self.services.as_ref()),
            None => endpoint_slices::all(),
        }
    }

    /// Returns the Services of a scope in the local cluster.
    pub fn services_source(&self) -> Collection<Service> {
        let all = services::all(self.namespace.as_deref());
        match &self.services {
            Some(names) => all.with_names(names.clone()),
            None => all,
        }
    }

    /// Returns the cluster and the namespace, whatever the services.
    pub fn place(&self) -> WatchPlace {
        (self.cluster.clone(), self.namespace.clone())
    }

    /// Returns whether both scopes include the same namespace.
    pub fn shares_namespace(&self, other: &Self) -> bool {
        self.cluster == other.cluster
            && (self.namespace.is_none()
                || other.namespace.is_none()
                || self.namespace == other.namespace)
    }
}

/// The backends whose readiness an event may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Affected {
    Nothing,
    Services(Vec<ServiceRef>),
    Scope(SliceScope),
}

/// Services of one namespace in one cluster whose slices are listed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelistRequest {
    /// None: the groups' own cluster.
    pub cluster: Option<String>,
    pub namespace: String,
    pub names: BTreeSet<String>,
}

impl RelistRequest {
    pub fn add(places: &mut Vec<Self>, cluster: Option<&String>, service: &ServiceRef) {
        let ServiceRef { namespace, name } = service.clone();
        let is_there =
            |place: &&mut Self| place.cluster.as_ref() == cluster && place.namespace == namespace;
        match places.iter_mut().find(is_there) {
            Some(place) => {
                place.names.insert(name);
            }
            None => places.push(Self {
                cluster: cluster.cloned(),
                namespace,
                names: BTreeSet::from([name]),
            }),
        }
    }

    pub fn services(&self) -> impl Iterator<Item = ServiceRef> {
        self.names
            .iter()
            .map(|name| ServiceRef::new(&self.namespace, name))
    }
}
