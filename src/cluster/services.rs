//! Services, as far as they say what a backend is.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::Cluster;
use super::error::RequestResult;
use super::path::SERVICES;
use super::stream::{Source, Versioned};
use crate::model::ServiceRef;

const MIRRORED: &str = "mirror.linkerd.io/mirrored-service";
const MIRRORED_GATEWAY: &str = "mirror.linkerd.io/mirrored-gateway";
const REMOTE_SERVICE: &str = "mirror.linkerd.io/remote-svc-fq-name";
const REMOTE_DISCOVERY: &str = "multicluster.linkerd.io/remote-discovery";

/// A Service, slim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub at: ServiceRef,
    pub version: String,
    pub ports: Vec<Port>,
    /// It stands for a service of another cluster, or of several.
    pub is_mirror: bool,
    /// Name of the remote service that it stands for, without namespace and domain.
    pub mirrors: Option<String>,
    /// Flat-network and federated mirrors have no local endpoints by design.
    pub has_local_endpoints: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub struct Port {
    pub port: u16,
    #[serde(default)]
    pub name: String,
}

#[derive(Deserialize)]
struct Object {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ObjectMeta {
    name: String,
    namespace: String,
    resource_version: String,
    labels: HashMap<String, String>,
    annotations: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    ports: Vec<Port>,
}

impl Service {
    fn decode(raw: &RawValue) -> serde_json::Result<Self> {
        let Object { metadata, spec } = serde_json::from_str(raw.get())?;
        let ObjectMeta { name, namespace, resource_version, labels, annotations } = metadata;
        let is_mirror = labels.get(MIRRORED).is_some_and(|value| value == "true");
        let flat = labels.contains_key(REMOTE_DISCOVERY) || annotations.contains_key(REMOTE_DISCOVERY);
        Ok(Self {
            at: ServiceRef::new(namespace, name),
            version: resource_version,
            ports: spec.ports,
            mirrors: annotations
                .get(REMOTE_SERVICE)
                .and_then(|name| name.split('.').next())
                .map(str::to_owned),
            is_mirror,
            has_local_endpoints: !(is_mirror && flat),
        })
    }
}

impl Versioned for Service {
    fn resource_version(&self) -> &str {
        &self.version
    }
}

/// The mirror services of a namespace, or of the cluster.
pub fn mirrors(namespace: Option<&str>) -> Source<Service> {
    Source::new(SERVICES, namespace, format!("{MIRRORED}=true,!{MIRRORED_GATEWAY}"), Service::decode)
}

/// All services of a namespace.
pub fn all(namespace: &str) -> Source<Service> {
    Source::new(SERVICES, Some(namespace), "", Service::decode)
}

/// One service; none where it does not exist.
pub async fn get(cluster: &Cluster, service: &ServiceRef) -> RequestResult<Option<Service>> {
    let path = SERVICES.object(&service.namespace, &service.name);
    match cluster.get::<Box<RawValue>>(&path).await {
        Ok(raw) => Service::decode(&raw).map(Some).map_err(|cause| super::client::unreadable(&path, &cause)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
