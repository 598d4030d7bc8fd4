//! EndpointSlices, decoded into the few fields that say how many endpoints are ready.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::path::ENDPOINT_SLICES;
use super::stream::{Source, Versioned};
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
pub fn source(namespace: &str, services: Option<&BTreeSet<String>>) -> Source<Slice> {
    let labels = services.and_then(selector).unwrap_or_default();
    Source::new(ENDPOINT_SLICES, Some(namespace), labels, Slice::decode)
}

/// The slices of the whole cluster.
pub fn source_everywhere() -> Source<Slice> {
    Source::new(ENDPOINT_SLICES, None, "", Slice::decode)
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
        let Object { mut metadata, address_type, endpoints } = serde_json::from_str(raw.get())?;
        let family = match address_type.as_str() {
            "IPv4" => AddressFamily::V4,
            "IPv6" => AddressFamily::V6,
            _ => AddressFamily::Other,
        };
        let mut counts = SliceCounts { family, ready: 0, total: 0 };
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

/// The counts of all slices of the services that are wanted.
#[derive(Debug, Default)]
pub struct SliceIndex {
    services: HashMap<ServiceRef, Vec<(String, SliceCounts)>>,
}

impl SliceIndex {
    /// Makes an index of what has been listed.
    pub fn of(slices: impl IntoIterator<Item = Slice>) -> Self {
        let mut index = Self::default();
        for slice in slices {
            index.add(slice);
        }
        index
    }

    /// Most services have one slice.
    fn add(&mut self, slice: Slice) {
        let slices = self.services.entry(slice.service).or_insert_with(|| Vec::with_capacity(1));
        slices.push((slice.name, slice.counts));
    }

    /// Takes in a slice as it is now; gives the services whose counts have changed.
    pub fn apply(&mut self, slice: Slice) -> Vec<ServiceRef> {
        let known = self.services.get_mut(&slice.service);
        match known.and_then(|slices| slices.iter_mut().find(|(name, _)| *name == slice.name)) {
            Some((_, counts)) if *counts == slice.counts => Vec::new(),
            Some((_, counts)) => {
                *counts = slice.counts;
                vec![slice.service]
            }
            None => {
                let mut changed = self.take_from_others(&slice);
                changed.push(slice.service.clone());
                self.add(slice);
                changed
            }
        }
    }

    /// A slice that is new to its service may have been another's: its label can change.
    fn take_from_others(&mut self, slice: &Slice) -> Vec<ServiceRef> {
        let Slice { name, service, .. } = slice;
        let had = |(other, slices): (&ServiceRef, &Vec<(String, SliceCounts)>)| {
            let is_here =
                other.namespace == service.namespace && slices.iter().any(|(known, _)| known == name);
            is_here.then(|| other.clone())
        };
        let others: Vec<ServiceRef> = self.services.iter().filter_map(had).collect();
        for other in &others {
            self.delete(&Slice { service: other.clone(), ..slice.clone() });
        }
        others
    }

    pub fn delete(&mut self, slice: &Slice) {
        if let Some(slices) = self.services.get_mut(&slice.service) {
            slices.retain(|(name, _)| *name != slice.name);
            if slices.is_empty() {
                self.services.remove(&slice.service);
            }
        }
    }

    /// Puts a fresh list of the slices of `services` in the place of what was known of them.
    pub fn refresh(&mut self, services: &HashSet<ServiceRef>, slices: Vec<Slice>) {
        self.services.retain(|service, _| !services.contains(service));
        for slice in slices.into_iter().filter(|slice| services.contains(&slice.service)) {
            self.add(slice);
        }
    }

    /// Ready and total endpoints; none where the service has no slice.
    pub fn counts(&self, service: &ServiceRef) -> Option<(u32, u32)> {
        let slices = self.services.get(service)?;
        Some(sum_slices(slices.iter().map(|(_, counts)| *counts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(name: &str, service: &str, ready: u32) -> Slice {
        let counts = SliceCounts { family: AddressFamily::V4, ready, total: ready };
        Slice { name: name.into(), service: ServiceRef::new("ns", service), version: "1".into(), counts }
    }

    #[test]
    fn a_slice_that_changes_its_service_counts_for_the_new_one_alone() {
        let (a, b) = (ServiceRef::new("ns", "a"), ServiceRef::new("ns", "b"));
        let mut index = SliceIndex::of([slice("x", "a", 2), slice("y", "b", 1)]);
        assert_eq!(index.apply(slice("x", "b", 2)), [a.clone(), b.clone()]);
        assert_eq!((index.counts(&a), index.counts(&b)), (None, Some((3, 3))));
        assert_eq!(index.apply(slice("x", "b", 2)), []);
    }

    #[test]
    fn too_many_names_select_nothing_in_particular() {
        let names = |count: usize| (0..count).map(|i| format!("a-service-{i:04}")).collect();
        assert!(selector(&names(100)).is_some());
        assert_eq!(selector(&names(1000)), None);
    }
}
