//! An index of EndpointSlices by service: the cache from which readiness is read.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::endpoint_counts::{EndpointCounts, LastWrite, NeededPort, SliceEndpoints, sum_slices};
use super::endpoint_slices::Slice;
use crate::model::ServiceRef;

/// The endpoints of services, by their slices.
#[derive(Debug, Default)]
pub struct SliceIndex {
    namespaces: HashMap<String, NamespaceSlices>,
}

#[derive(Debug, Default)]
struct NamespaceSlices {
    services: HashMap<Arc<str>, ServiceSlices>,
    /// The service of each slice.
    owners: HashMap<Arc<str>, Arc<str>>,
}

/// The slices of a service, by name. Most services have one.
#[derive(Debug, PartialEq, Eq)]
enum ServiceSlices {
    One(Arc<str>, SliceEndpoints),
    Several(HashMap<Arc<str>, SliceEndpoints>),
}

impl ServiceSlices {
    /// Inserts or replaces a slice. Returns whether that changed anything.
    fn put(&mut self, slice: &Arc<str>, endpoints: &SliceEndpoints) -> bool {
        match self {
            Self::One(name, known) if name == slice => {
                let has_changed = known != endpoints;
                known.clone_from(endpoints);
                has_changed
            }
            Self::One(name, known) => {
                let first = (Arc::clone(name), known.clone());
                let second = (Arc::clone(slice), endpoints.clone());
                *self = Self::Several(HashMap::from([first, second]));
                true
            }
            Self::Several(slices) => {
                let before = slices.insert(Arc::clone(slice), endpoints.clone());
                before.as_ref() != Some(endpoints)
            }
        }
    }

    /// Removes a slice. Returns whether none is left.
    fn remove(&mut self, slice: &str) -> bool {
        match self {
            Self::One(name, _) => **name == *slice,
            Self::Several(slices) => {
                slices.remove(slice);
                slices.is_empty()
            }
        }
    }

    fn names(&self) -> Vec<Arc<str>> {
        match self {
            Self::One(name, _) => vec![Arc::clone(name)],
            Self::Several(slices) => slices.keys().cloned().collect(),
        }
    }

    fn last_write(&self) -> LastWrite {
        match self {
            Self::One(_, endpoints) => endpoints.last_write,
            Self::Several(slices) => {
                let writes = slices.values().map(|endpoints| endpoints.last_write);
                writes.max_by_key(|write| write.at).unwrap_or_default()
            }
        }
    }

    fn counts(&self, needed: &NeededPort) -> EndpointCounts {
        match self {
            Self::One(_, endpoints) => sum_slices(std::iter::once(endpoints), needed),
            Self::Several(slices) => sum_slices(slices.values(), needed),
        }
    }
}

impl NamespaceSlices {
    /// Inserts a slice, and returns the services whose endpoints changed. There can be two of them,
    /// since the label that names a slice's service can change.
    fn put(&mut self, slice: &str, service: &str, endpoints: &SliceEndpoints) -> Vec<Arc<str>> {
        let known = self.owners.get_key_value(slice);
        let known = known.map(|(slice, owner)| (Arc::clone(slice), Arc::clone(owner)));
        let mut changed: Vec<Arc<str>> = Vec::new();
        let slice = match known {
            Some((slice, owner)) if *owner == *service => slice,
            Some((slice, _)) => {
                changed.extend(self.remove(&slice));
                slice
            }
            None => slice.into(),
        };
        let service = match self.services.get_key_value(service) {
            Some((name, _)) => Arc::clone(name),
            None => service.into(),
        };
        self.owners.insert(Arc::clone(&slice), Arc::clone(&service));
        let has_changed = match self.services.entry(Arc::clone(&service)) {
            Entry::Occupied(mut slices) => slices.get_mut().put(&slice, endpoints),
            Entry::Vacant(place) => {
                place.insert(ServiceSlices::One(slice, endpoints.clone()));
                true
            }
        };
        changed.extend(has_changed.then_some(service));
        changed
    }

    /// Removes a slice and returns its service.
    fn remove(&mut self, slice: &str) -> Option<Arc<str>> {
        let service = self.owners.remove(slice)?;
        let slices = self.services.get_mut(&service);
        if slices.is_some_and(|slices| slices.remove(slice)) {
            self.services.remove(&service);
        }
        Some(service)
    }

    /// Removes a service, and returns its slices.
    fn forget(&mut self, service: &str) -> Option<ServiceSlices> {
        let slices = self.services.remove(service)?;
        for slice in slices.names() {
            self.owners.remove(&slice);
        }
        Some(slices)
    }
}

impl SliceIndex {
    /// Returns an index of listed slices.
    pub fn of(slices: impl IntoIterator<Item = Slice>) -> Self {
        let mut index = Self::default();
        for slice in slices {
            index.put(&slice);
        }
        index
    }

    fn put(&mut self, slice: &Slice) -> Vec<Arc<str>> {
        let namespace = self
            .namespaces
            .entry(slice.service.namespace.clone())
            .or_default();
        namespace.put(&slice.name, &slice.service.name, &slice.endpoints)
    }

    /// Inserts a slice, and returns the services whose endpoints changed.
    pub fn apply(&mut self, slice: &Slice) -> Vec<ServiceRef> {
        let changed = self.put(slice);
        changed
            .iter()
            .map(|name| ServiceRef::new(&slice.service.namespace, &**name))
            .collect()
    }

    /// Removes a slice, and returns the service whose endpoints changed.
    pub fn delete(&mut self, slice: &Slice) -> Vec<ServiceRef> {
        let namespace = self.namespaces.get_mut(&slice.service.namespace);
        let service = namespace.and_then(|namespace| namespace.remove(&slice.name));
        service
            .iter()
            .map(|name| ServiceRef::new(&slice.service.namespace, &**name))
            .collect()
    }

    /// Replaces the slices of `services` with a fresh list, and returns the services whose
    /// endpoints changed.
    pub fn refresh(&mut self, services: &HashSet<ServiceRef>, slices: &[Slice]) -> Vec<ServiceRef> {
        let mut forget = |service: &ServiceRef| {
            let namespace = self.namespaces.get_mut(&service.namespace)?;
            namespace.forget(&service.name)
        };
        let before: Vec<_> = services
            .iter()
            .map(|service| (service, forget(service)))
            .collect();
        for slice in slices
            .iter()
            .filter(|slice| services.contains(&slice.service))
        {
            self.put(slice);
        }
        let changed = before
            .into_iter()
            .filter(|(service, slices)| self.slices(service) != slices.as_ref());
        changed.map(|(service, _)| service.clone()).collect()
    }

    fn slices(&self, service: &ServiceRef) -> Option<&ServiceSlices> {
        let namespace = self.namespaces.get(&service.namespace)?;
        namespace.services.get(service.name.as_str())
    }

    /// Returns the endpoints, or None if the service has no slice.
    pub fn counts(&self, service: &ServiceRef, needed: &NeededPort) -> Option<EndpointCounts> {
        let slices = self.slices(service)?;
        Some(slices.counts(needed))
    }

    /// Returns the last write of the service's slices.
    pub fn last_write(&self, service: &ServiceRef) -> Option<LastWrite> {
        Some(self.slices(service)?.last_write())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::api::endpoint_counts::{EndpointKey, PortName};
    use crate::model::readiness::AddressFamily;

    fn slice(name: &str, service: &str, ready: u32) -> Slice {
        let keys = (0..ready).map(|number| EndpointKey::new((name, number), true));
        let endpoints = SliceEndpoints::new(
            AddressFamily::V4,
            vec![PortName::new("")],
            true,
            keys.collect(),
        );
        Slice {
            name: name.into(),
            service: ServiceRef::new("ns", service),
            version: "1".into(),
            endpoints,
        }
    }

    fn ready(index: &SliceIndex, service: &ServiceRef) -> Option<u32> {
        index
            .counts(service, &NeededPort::Any)
            .map(|counts| counts.ready)
    }

    #[test]
    fn a_slice_that_changes_its_service_counts_only_for_the_new_one() {
        let (a, b) = (ServiceRef::new("ns", "a"), ServiceRef::new("ns", "b"));
        let mut index = SliceIndex::of([slice("x", "a", 2), slice("y", "b", 1)]);
        assert_eq!(index.apply(&slice("x", "b", 2)), [a.clone(), b.clone()]);
        assert_eq!((ready(&index, &a), ready(&index, &b)), (None, Some(3)));
        assert_eq!(index.apply(&slice("x", "b", 2)), []);
        assert_eq!(
            index.delete(&slice("x", "a", 2)),
            vec![b.clone()],
            "a late label does not mislead"
        );
        assert_eq!(ready(&index, &b), Some(1));
    }

    #[test]
    fn a_fresh_list_returns_the_services_whose_counts_changed() {
        let [a, b, c] = ["a", "b", "c"].map(|name| ServiceRef::new("ns", name));
        let mut index =
            SliceIndex::of([slice("x", "a", 2), slice("y", "b", 1), slice("z", "c", 1)]);
        let asked = [a.clone(), b.clone()].into();
        assert_eq!(
            index.refresh(&asked, &[slice("x", "a", 2), slice("z", "c", 9)]),
            vec![b.clone()]
        );
        assert_eq!(
            [&a, &b, &c].map(|service| ready(&index, service)),
            [Some(2), None, Some(1)]
        );
        assert_eq!(index.apply(&slice("y", "b", 1)), [b]);
    }
}
