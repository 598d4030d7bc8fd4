//! An index of EndpointSlices by service: the cache from which readiness is read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::endpoint_slices::Slice;
use crate::model::ServiceRef;
use crate::model::readiness::{SliceCounts, sum_slices};

/// The counts of ready and total endpoints, by service.
#[derive(Debug, Default)]
pub struct SliceIndex {
    namespaces: HashMap<String, NamespaceSlices>,
}

#[derive(Debug, Default)]
struct NamespaceSlices {
    /// Most services have one slice.
    services: HashMap<Arc<str>, Vec<(Arc<str>, SliceCounts)>>,
    /// The service of each slice.
    owners: HashMap<Arc<str>, Arc<str>>,
}

impl NamespaceSlices {
    /// Inserts a slice, and returns the services whose counts changed. There can be two of them,
    /// since the label that names a slice's service can change.
    fn put(&mut self, slice: &str, service: &str, counts: SliceCounts) -> Vec<Arc<str>> {
        let is_slice = |(name, _): &&mut (Arc<str>, SliceCounts)| **name == *slice;
        let slices = self.services.get_mut(service);
        if let Some((_, known)) = slices.and_then(|slices| slices.iter_mut().find(is_slice)) {
            let has_changed = std::mem::replace(known, counts) != counts;
            return if has_changed {
                vec![service.into()]
            } else {
                Vec::new()
            };
        }
        let mut changed: Vec<Arc<str>> = self.remove(slice).into_iter().collect();
        let known = self
            .services
            .get_key_value(service)
            .map(|(name, _)| Arc::clone(name));
        let (slice, service) = (
            Arc::<str>::from(slice),
            known.unwrap_or_else(|| service.into()),
        );
        self.owners.insert(Arc::clone(&slice), Arc::clone(&service));
        let slices = self
            .services
            .entry(Arc::clone(&service))
            .or_insert_with(|| Vec::with_capacity(1));
        slices.push((slice, counts));
        changed.push(service);
        changed
    }

    /// Removes a slice and returns its service.
    fn remove(&mut self, slice: &str) -> Option<Arc<str>> {
        let service = self.owners.remove(slice)?;
        if let Some(slices) = self.services.get_mut(&service) {
            slices.retain(|(name, _)| **name != *slice);
            if slices.is_empty() {
                self.services.remove(&service);
            }
        }
        Some(service)
    }

    fn forget(&mut self, service: &str) {
        for (slice, _) in self.services.remove(service).unwrap_or_default() {
            self.owners.remove(&slice);
        }
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
        namespace.put(&slice.name, &slice.service.name, slice.counts)
    }

    /// Inserts a slice, and returns the services whose counts changed.
    pub fn apply(&mut self, slice: &Slice) -> Vec<ServiceRef> {
        let changed = self.put(slice);
        changed
            .iter()
            .map(|name| ServiceRef::new(&slice.service.namespace, &**name))
            .collect()
    }

    /// Removes a slice, and returns the service whose counts changed.
    pub fn delete(&mut self, slice: &Slice) -> Vec<ServiceRef> {
        let namespace = self.namespaces.get_mut(&slice.service.namespace);
        let service = namespace.and_then(|namespace| namespace.remove(&slice.name));
        service
            .iter()
            .map(|name| ServiceRef::new(&slice.service.namespace, &**name))
            .collect()
    }

    /// Replaces the slices of `services` with a fresh list, and returns the services whose counts
    /// changed.
    pub fn refresh(&mut self, services: &HashSet<ServiceRef>, slices: &[Slice]) -> Vec<ServiceRef> {
        let before: Vec<_> = services
            .iter()
            .map(|service| (service, self.counts(service)))
            .collect();
        for service in services {
            if let Some(namespace) = self.namespaces.get_mut(&service.namespace) {
                namespace.forget(&service.name);
            }
        }
        for slice in slices
            .iter()
            .filter(|slice| services.contains(&slice.service))
        {
            self.put(slice);
        }
        let changed = before
            .into_iter()
            .filter(|(service, counts)| self.counts(service) != *counts);
        changed.map(|(service, _)| service.clone()).collect()
    }

    /// Returns the ready and total endpoints, or None if the service has no slice.
    pub fn counts(&self, service: &ServiceRef) -> Option<(u32, u32)> {
        let slices = self
            .namespaces
            .get(&service.namespace)?
            .services
            .get(service.name.as_str())?;
        Some(sum_slices(slices.iter().map(|(_, counts)| *counts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::readiness::AddressFamily;

    fn slice(name: &str, service: &str, ready: u32) -> Slice {
        let counts = SliceCounts {
            family: AddressFamily::V4,
            ready,
            total: ready,
        };
        Slice {
            name: name.into(),
            service: ServiceRef::new("ns", service),
            version: "1".into(),
            counts,
        }
    }

    #[test]
    fn a_slice_that_changes_its_service_counts_only_for_the_new_one() {
        let (a, b) = (ServiceRef::new("ns", "a"), ServiceRef::new("ns", "b"));
        let mut index = SliceIndex::of([slice("x", "a", 2), slice("y", "b", 1)]);
        assert_eq!(index.apply(&slice("x", "b", 2)), [a.clone(), b.clone()]);
        assert_eq!((index.counts(&a), index.counts(&b)), (None, Some((3, 3))));
        assert_eq!(index.apply(&slice("x", "b", 2)), []);
        assert_eq!(
            index.delete(&slice("x", "a", 2)),
            vec![b.clone()],
            "a late label does not mislead"
        );
        assert_eq!(index.counts(&b), Some((1, 1)));
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
            [&a, &b, &c].map(|service| index.counts(service)),
            [Some((2, 2)), None, Some((1, 1))]
        );
        assert_eq!(index.apply(&slice("y", "b", 1)), [b]);
    }
}
