//! EndpointSlices, decoded into the few fields that say how many endpoints are ready.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::endpoint_counts::{EndpointKey, LastWrite, PortName, SliceEndpoints};
use crate::cluster::listwatch::collection::{Collection, Versioned};
use crate::cluster::transport::api_resource::ENDPOINT_SLICES;
use crate::model::ServiceRef;
use crate::model::readiness::AddressFamily;
use crate::resource::bounded::Bounded;

const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The slices that Kubernetes writes for a Service with a selector.
const OF_SELECTORS: &str = "endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io";
/// Proxies accept URLs of 8 to 16 KB. If the selector would be longer, the whole namespace is
/// listed.
const MAX_SELECTOR_BYTES: usize = 6 * 1024 - 512;

/// The most endpoints of a slice, see
/// <https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/>. More are not counted.
const MAX_ENDPOINTS: usize = 1000;

/// The most slices of one Service in a list, and of all Services that a list selects. A linked
/// cluster could send them without end.
const MAX_SLICES_OF_SERVICE: usize = 1000;
const MAX_SELECTED_SLICES: usize = 20_000;

/// One EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    pub name: String,
    pub service: ServiceRef,
    pub version: String,
    pub endpoints: SliceEndpoints,
}

/// Returns the slices of these services in a namespace. Selects all services if none are named or
/// the selector would be too long.
pub fn collection(namespace: &str, services: Option<&BTreeSet<String>>) -> Collection<Slice> {
    let selected = services.and_then(|services| Some((selector(services)?, services.len())));
    match selected {
        Some((labels, count)) => of_labels(namespace, labels).with_at_most(max_slices(count)),
        None => of_labels(namespace, String::new()),
    }
}

fn of_labels(namespace: &str, labels: String) -> Collection<Slice> {
    Collection::new(ENDPOINT_SLICES, Some(namespace), labels, Slice::decode)
}

fn max_slices(services: usize) -> usize {
    services
        .saturating_mul(MAX_SLICES_OF_SERVICE)
        .min(MAX_SELECTED_SLICES)
}

/// Like [`collection`], but only the slices that Kubernetes writes for Services with a selector.
pub fn of_selectors(namespace: &str, services: &BTreeSet<String>) -> Collection<Slice> {
    match selector(services) {
        Some(names) => of_labels(namespace, format!("{names},{OF_SELECTORS}"))
            .with_at_most(max_slices(services.len())),
        None => of_labels(namespace, OF_SELECTORS.to_owned()),
    }
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
struct SliceObject<'a> {
    #[serde(borrow)]
    metadata: SliceMeta<'a>,
    #[serde(default)]
    address_type: String,
    /// Null in the slice of a service without pods.
    #[serde(borrow, default)]
    endpoints: Option<Bounded<SliceEndpoint<'a>, MAX_ENDPOINTS>>,
    /// Null if no pod has the port that the service names.
    #[serde(default)]
    #[serde(borrow)]
    ports: Option<Bounded<SlicePort<'a>>>,
}

#[derive(Deserialize)]
struct SlicePort<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SliceMeta<'a> {
    name: String,
    namespace: String,
    resource_version: String,
    labels: HashMap<String, String>,
    annotations: SliceAnnotations,
    #[serde(borrow)]
    owner_references: Vec<OwnerReference<'a>>,
    #[serde(borrow)]
    managed_fields: Bounded<SliceWriter<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SliceAnnotations {
    /// Set if the last write followed from a change of a pod's readiness, see
    /// <https://kubernetes.io/docs/reference/labels-annotations-taints/>.
    #[serde(rename = "endpoints.kubernetes.io/last-change-trigger-time")]
    trigger_time: Option<IgnoredAny>,
}

/// An entry of `metadata.managedFields`. Its time is that of the manager's last change.
#[derive(Deserialize)]
struct SliceWriter<'a> {
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
}

impl SliceMeta<'_> {
    /// The trigger time itself can be long before the write: pods that a Service selects anew keep
    /// the time at which they became ready.
    fn last_write(&self) -> LastWrite {
        let writers = self.managed_fields.iter();
        let times = writers.filter_map(|writer| writer.time.as_deref()?.parse::<Timestamp>().ok());
        let seconds = times.filter_map(|time| u32::try_from(time.as_second()).ok());
        LastWrite {
            at: seconds.max().unwrap_or_default(),
            by_pod: self.annotations.trigger_time.is_some(),
        }
    }
}

#[derive(Deserialize)]
struct OwnerReference<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SliceEndpoint<'a> {
    #[serde(borrow, default)]
    addresses: Bounded<&'a RawValue>,
    #[serde(default)]
    conditions: EndpointConditions,
    #[serde(borrow, default)]
    target_ref: Option<TargetRef<'a>>,
}

#[derive(Default, Deserialize, PartialEq, Eq, Hash)]
#[serde(default)]
struct TargetRef<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EndpointConditions {
    ready: Option<bool>,
    terminating: Option<bool>,
}

impl SliceEndpoint<'_> {
    /// Returns None for a terminating endpoint.
    fn key(&self) -> Option<EndpointKey> {
        let EndpointConditions { ready, terminating } = self.conditions;
        let is_ready = ready != Some(false);
        let address = self.addresses.first().map(|address| address.get());
        (terminating != Some(true)).then(|| match &self.target_ref {
            Some(target) => EndpointKey::new(target, is_ready),
            None => EndpointKey::new(address, is_ready),
        })
    }
}

impl OwnerReference<'_> {
    /// Whether the garbage collector deletes the slice with the service. A mirrored slice belongs
    /// to Endpoints, which Kubernetes deletes with the service.
    fn is_service(&self, name: &str) -> bool {
        matches!(&*self.kind, "Service" | "Endpoints") && self.name == name
    }
}

impl Slice {
    /// # Errors
    /// If the object is not an EndpointSlice.
    pub fn decode(raw: &RawValue) -> serde_json::Result<Self> {
        let SliceObject {
            mut metadata,
            address_type,
            endpoints,
            ports,
        } = serde_json::from_str(raw.get())?;
        let family = match address_type.as_str() {
            "IPv4" => AddressFamily::V4,
            "IPv6" => AddressFamily::V6,
            _ => AddressFamily::Other,
        };
        let service = metadata.labels.remove(SERVICE_NAME).unwrap_or_default();
        let owners = &metadata.owner_references;
        let is_owned = owners.iter().any(|owner| owner.is_service(&service));
        let ports = ports.unwrap_or_default();
        let ports = ports.iter().map(|port| port.name.as_deref());
        let ports = ports.map(|name| PortName::new(name.unwrap_or_default()));
        let endpoints = endpoints.unwrap_or_default();
        let keys = endpoints.iter().filter_map(SliceEndpoint::key).collect();
        let mut endpoints = SliceEndpoints::new(family, ports.collect(), is_owned, keys);
        endpoints.last_write = metadata.last_write();
        Ok(Self {
            name: metadata.name,
            service: ServiceRef::new(metadata.namespace, service),
            version: metadata.resource_version,
            endpoints,
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
    use super::super::endpoint_counts::{NeededPort, sum_slices};
    use super::*;
    use crate::cluster::listwatch::list::list_objects;
    use crate::cluster::test_server::{Answer, TestServer};

    #[tokio::test]
    async fn slices_of_one_service_without_end_end_a_list_early() {
        let server = TestServer::start(|_| {
            let slice = r#"{"metadata":{"name":"a","namespace":"ns","resourceVersion":"1","labels":
                {"kubernetes.io/service-name":"web"}},"addressType":"IPv4","endpoints":[]},"#;
            Answer::ok(r#"{"metadata":{},"items":["#)
                .then(0, &slice.repeat(100))
                .endless()
        })
        .await;
        let services = BTreeSet::from(["web".to_owned()]);
        let slices = collection("ns", Some(&services));
        let error = list_objects(&server.cluster(None).await, &slices).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("more than 1000 objects"), "{error}");
        assert_eq!(max_slices(500), MAX_SELECTED_SLICES);
    }

    #[test]
    fn a_selector_of_too_many_names_is_replaced_by_the_namespace() {
        let names = |count: usize| (0..count).map(|i| format!("a-service-{i:04}")).collect();
        assert!(selector(&names(100)).is_some());
        assert_eq!(selector(&names(1000)), None);
    }

    #[test]
    fn a_slice_counts_at_most_as_many_endpoints_as_kubernetes_allows() {
        let endpoint =
            |i: usize| serde_json::json!({"addresses": [format!("10.0.{}.{}", i / 250, i % 250)]});
        let object = serde_json::json!({
            "metadata": {"name": "web", "namespace": "ns", "resourceVersion": "1"},
            "addressType": "IPv4",
            "ports": [{"port": 80}],
            "endpoints": (0..5_000).map(endpoint).collect::<Vec<_>>(),
        });
        let raw = RawValue::from_string(object.to_string()).unwrap();
        let slice = Slice::decode(&raw).unwrap();
        let counts = sum_slices(std::iter::once(&slice.endpoints), &NeededPort::Any);
        assert_eq!((counts.ready, counts.total), (1000, 1000));
    }
}
