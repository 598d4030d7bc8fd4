//! Pods: only the fields that show which are meshed, what they belong to, and whether they run.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::PODS;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::resource::Labels;
use crate::resource::meta::OwnerReference;

const PROXY_CONTAINER: &str = "linkerd-proxy";

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub labels: Labels,
    /// The controller that it belongs to.
    pub owner: Option<OwnerReference>,
    /// Linkerd's proxy runs in it.
    pub is_meshed: bool,
    /// It has not terminated.
    pub is_alive: bool,
    /// Its containers run, and it is not being deleted.
    pub is_running: bool,
}

impl Pod {
    fn of(object: PodObject, namespace: &str) -> Self {
        let PodObject {
            metadata,
            spec,
            status,
        } = object;
        // A native sidecar is an init container.
        let mut containers = spec.containers.iter().chain(&spec.init_containers);
        let mut owners = metadata.owner_references.into_iter();
        Self {
            is_meshed: containers.any(|container| container.name == PROXY_CONTAINER),
            is_alive: !matches!(status.phase.as_str(), "Succeeded" | "Failed"),
            is_running: status.phase == "Running" && metadata.deletion_timestamp.is_none(),
            owner: owners.find(|owner| owner.controller),
            namespace: namespace.to_owned(),
            name: metadata.name,
            labels: metadata.labels,
        }
    }

    /// Whether a Service of its namespace with this selector selects it.
    pub fn is_selected(&self, selector: &BTreeMap<String, String>) -> bool {
        let mut labels = selector.iter();
        labels.all(|(key, value)| self.labels.get(key) == Some(value))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodObject {
    metadata: PodMeta,
    spec: PodSpec,
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodMeta {
    name: String,
    labels: Labels,
    owner_references: Vec<OwnerReference>,
    deletion_timestamp: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    containers: Vec<Container>,
    init_containers: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Container {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: String,
}

/// Lists the pods of a namespace.
pub async fn pods(cluster: &Cluster, namespace: &str) -> RequestResult<Vec<Pod>> {
    let pods = Collection::<PodObject>::all(PODS, Some(namespace));
    let objects = list_objects(cluster, &pods).await?;
    let pods = objects.into_iter();
    Ok(pods.map(|pod| Pod::of(pod, namespace)).collect())
}
