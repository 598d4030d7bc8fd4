//! EndpointSlices, decoded into the few fields that say how many endpoints are ready.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::types::ObjectMeta;
use crate::cluster::listwatch::collection::{Collection, Versioned};
use crate::cluster::transport::api_resource::ENDPOINT_SLICES;
use crate::model::ServiceRef;
use crate::model::readiness::{AddressFamily, SliceCounts};

const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Proxies accept URLs of 8 to 16 KB. If the selector would be longer, the whole namespace is
/// listed.
const MAX_SELECTOR_BYTES: usize = 6 * 1024 - 512;

/// One EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    pub name: String,
    pub service: ServiceRef,
    pub version: String,
    pub counts: SliceCounts,
}

/// Returns the slices of these services in a namespace. Selects all services if none are named or
/// the selector would be too long.
pub fn collection(namespace: &str, services: Option<&BTreeSet<String>>) -> Collection<Slice> {
    let labels = services.and_then(selector).unwrap_or_default();
    Collection::new(ENDPOINT_SLICES, Some(namespace), labels, Slice::decode)
}

/// Returns the slices of the whole cluster.
pub fn all() -> Collection<Slice> {
    Collection::new(ENDPOINT_SLICES, None, "", Slice::decode)
}

/// Returns a selector for the slices of these services, or None if it makes the URL too long.
/// Service names need no escaping in a selector. Each comma becomes three bytes in a URL.
pub fn selector(services: &BTreeSet<String>) -> Option<String> {
    let length: usize = services.iter().map(|name| name.len() + 3).sum();
    if length > MAX_SELECTOR_BYTES {
        return None;
    }
    let names: Vec<&str> = services.iter().map(String::as_str).collect();
    Some(format!("{SERVICE_NAME} in ({})", names.join(",")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SliceObject {
    metadata: ObjectMeta,
    #[serde(default)]
    address_type: String,
    /// Null in the slice of a service without pods.
    #[serde(default)]
    endpoints: Option<Vec<SliceEndpoint>>,
}

#[derive(Deserialize)]
struct SliceEndpoint {
    #[serde(default)]
    conditions: EndpointConditions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EndpointConditions {
    ready: Option<bool>,
    terminating: Option<bool>,
}

impl Slice {
    /// # Errors
    /// If the object is not an EndpointSlice.
    pub fn decode(raw: &RawValue) -> serde_json::Result<Self> {
        let SliceObject {
            mut metadata,
            address_type,
            endpoints,
        } = serde_json::from_str(raw.get())?;
        let mut counts = SliceCounts {
            family: match address_type.as_str() {
                "IPv4" => AddressFamily::V4,
                "IPv6" => AddressFamily::V6,
                _ => AddressFamily::Other,
            },
            ready: 0,
            total: 0,
        };
        for SliceEndpoint { conditions } in endpoints.unwrap_or_default() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_of_too_many_names_is_replaced_by_the_namespace() {
        let names = |count: usize| (0..count).map(|i| format!("a-service-{i:04}")).collect();
        assert!(selector(&names(100)).is_some());
        assert_eq!(selector(&names(1000)), None);
    }
}
