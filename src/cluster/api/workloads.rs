//! Deployments, and which pods a Service selects. Only the fields that show which components are
//! installed.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::types::Object;
use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::{DEPLOYMENTS, SERVICES};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

const VERSION_LABEL: &str = "app.kubernetes.io/version";

/// A Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    pub name: String,
    pub wanted: u32,
    pub ready: u32,
    /// The label `app.kubernetes.io/version`.
    pub version: Option<String>,
    /// The arguments of all its containers.
    pub args: Vec<String>,
}

impl Deployment {
    pub fn is_ready(&self) -> bool {
        self.ready >= self.wanted
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeploymentSpec {
    replicas: Option<u32>,
    template: PodTemplate,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodTemplate {
    spec: PodSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodSpec {
    containers: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Container {
    args: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DeploymentStatus {
    ready_replicas: u32,
}

/// Lists the Deployments of a namespace.
pub async fn deployments(cluster: &Cluster, namespace: &str) -> RequestResult<Vec<Deployment>> {
    type DeploymentObject = Object<DeploymentSpec, DeploymentStatus>;
    let deployments = Collection::all(DEPLOYMENTS, Some(namespace));
    let objects = list_objects::<DeploymentObject>(cluster, &deployments).await?;
    let slim = |Object {
                    metadata,
                    spec,
                    status,
                }: DeploymentObject| {
        let containers = spec.template.spec.containers.into_iter();
        Deployment {
            wanted: spec.replicas.unwrap_or(1),
            ready: status.ready_replicas,
            version: metadata.labels.get(VERSION_LABEL).cloned(),
            args: containers.flat_map(|container| container.args).collect(),
            name: metadata.name,
        }
    };
    Ok(objects.into_iter().map(slim).collect())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServiceSelector {
    selector: BTreeMap<String, String>,
}

/// Lists the pod selector of each service in a namespace. The selector is empty for a service that
/// selects no pods.
pub async fn selectors(
    cluster: &Cluster,
    namespace: &str,
) -> RequestResult<BTreeMap<String, BTreeMap<String, String>>> {
    let services = Collection::all(SERVICES, Some(namespace));
    let objects = list_objects::<Object<ServiceSelector>>(cluster, &services).await?;
    let selector =
        |service: Object<ServiceSelector>| (service.metadata.name, service.spec.selector);
    Ok(objects.into_iter().map(selector).collect())
}
