//! EndpointSlices, decoded into the few fields that say how many endpoints are ready.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cluster::listwatch::watch::{Collection, Versioned};
use crate::cluster::transport::path::ENDPOINT_SLICES;
use crate::model::ServiceRef;
use crate::model::readiness::{AddressFamily, SliceCounts, sum_slices};

const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Proxies on the way take 8 to 16 KB of URL; above this the whole namespace is listed.
const LONGEST_SELECTOR: usize = 6 * 1024 - 512;

/// One EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    pub name: String,
    pub service: ServiceRef,
    pub version: String,
    pub counts: SliceCounts,
}

/// The slices of these services in one namespace, or of all services where none are named or the names are too
/// many to be listed.
pub fn source(namespace: &str, services: Option<&BTreeSet<String>>) -> Collection<Slice> {
    let labels = services.and_then(selector).unwrap_or_default();
    Collection::new(ENDPOINT_SLICES, Some(namespace), labels, Slice::decode)
}

/// The slices of the whole cluster.
pub fn source_everywhere() -> Collection<Slice> {
    Collection::new(ENDPOINT_SLICES, None, "", Slice::decode)
}

/// Selects the slices of these services; none where that would make the URL too long. The names are names of
/// services, which need no escaping in a selector; each comma becomes three bytes in a URL.
pub fn selector(services: &BTreeSet<String>) -> Option<String> {
    let length: usize = services.iter().map(|name| name.len() + 3).sum();
    if length > LONGEST_SELECTOR {
        return None;
    }
    let names: Vec<&str> = services.iter().map(String::as_str).collect();
    Some(format!("{SERVICE_NAME} in ({})", names.join(",")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    metadata: ObjectMeta,
    #[serde(default)]
    address_type: String,
    /// Null in the slice of a service without pods.
    #[serde(default)]
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct ObjectMeta {
    name: String,
    namespace: String,
    resource_version: String,
    labels: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(default)]
    conditions: Conditions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
    terminating: Option<bool>,
}

impl Slice {
    /// # Errors
    /// Where it is no EndpointSlice.
    pub fn decode(raw: &RawValue) -> serde_json::Result<Self> {
        let Object {
            mut metadata,
            address_type,
            endpoints,
        } = serde_json::from_str(raw.get())?;
        let family = match address_type.as_str() {
            "IPv4" => AddressFamily::V4,
            "IPv6" => AddressFamily::V6,
            _ => AddressFamily::Other,
        };
        let mut counts = SliceCounts {
            family,
            ready: 0,
            total: 0,
        };
        for Endpoint { conditions } in endpoints.unwrap_or_default() {
            if conditions.terminating != Some(true) {
                counts.total += 1;
                counts.ready += u32::from(conditions.ready != Some(false));
            }
        }
        let service = metadata.labels.remove(SERVICE_NAME).unwrap_or_default();
        Ok(Self {
            name: metadata.name,
            service: ServiceRef::new(metadata.namespace, service),
            version: metadata.resource_version,
            counts,
        })
    }
}

impl Versioned for Slice {
    fn resource_version(&self) -> &str {
        &self.version
    }
}

/// The counts of slices, by service.
#[derive(Debug, Default)]
pub struct SliceIndex {
    namespaces: HashMap<String, Namespace>,
}

#[derive(Debug, Default)]
struct Namespace {
    /// Most services have one slice.
    services: HashMap<Arc<str>, Vec<(Arc<str>, SliceCounts)>>,
    /// The service of each slice.
    owners: HashMap<Arc<str>, Arc<str>>,
}

impl Namespace {
    /// Takes in a slice as it is now; gives the services whose counts have changed. Its service can be another than
    /// before: it is a label.
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
        let mut changed: Vec<Arc<str>> = self.take(slice).into_iter().collect();
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

    /// Takes a slice out; gives the service that it was of.
    fn take(&mut self, slice: &str) -> Option<Arc<str>> {
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
    /// Makes an index of what has been listed.
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

    /// Takes in a slice as it is now; gives the services whose counts have changed.
    pub fn apply(&mut self, slice: &Slice) -> Vec<ServiceRef> {
        let changed = self.put(slice);
        changed
            .iter()
            .map(|name| ServiceRef::new(&slice.service.namespace, &**name))
            .collect()
    }

    /// Takes in that a slice is gone; gives the service whose counts have changed.
    pub fn delete(&mut self, slice: &Slice) -> Vec<ServiceRef> {
        let namespace = self.namespaces.get_mut(&slice.service.namespace);
        let service = namespace.and_then(|namespace| namespace.take(&slice.name));
        service
            .iter()
            .map(|name| ServiceRef::new(&slice.service.namespace, &**name))
            .collect()
    }

    /// Puts a fresh list of the slices of `services` in the place of what was known of them; gives those whose counts
    /// have changed.
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

    /// Ready and total endpoints; none where the service has no slice.
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
    fn a_slice_that_changes_its_service_counts_for_the_new_one_alone() {
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
    fn a_fresh_list_tells_whose_counts_have_changed() {
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

    #[test]
    fn too_many_names_select_nothing_in_particular() {
        let names = |count: usize| (0..count).map(|i| format!("a-service-{i:04}")).collect();
        assert!(selector(&names(100)).is_some());
        assert_eq!(selector(&names(1000)), None);
    }
}
