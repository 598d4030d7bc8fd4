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
pub const NAME_LABEL: &str = "app.kubernetes.io/name";
/// The label of what manages an object; Helm's value is `Helm`.
const MANAGER_LABEL: &str = "app.kubernetes.io/managed-by";
const RELEASE_LABEL: &str = "app.kubernetes.io/instance";
/// The name of this program, in [`NAME_LABEL`] of the Deployment that the chart makes.
pub const OWN_NAME: &str = "kubectl-failover";

/// A Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    pub name: String,
    pub namespace: String,
    /// The label `app.kubernetes.io/name`: what runs in it.
    pub application: Option<String>,
    /// The release of Helm that it belongs to.
    pub helm_release: Option<String>,
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

    /// Whether it runs `watch`, as the chart of this program makes it.
    pub fn is_own(&self) -> bool {
        self.application.as_deref() == Some(OWN_NAME)
    }

    /// Returns the namespaces that its `watch` is limited to. Empty: it runs groups in all of them.
    pub fn watched_namespaces(&self) -> Vec<String> {
        let names = self.flag("--namespaces=").or(self.flag("--contexts="));
        let names = names.unwrap_or_default().split(',');
        names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Returns the selector of the groups that its `watch` runs.
    pub fn selector(&self) -> Option<&str> {
        self.flag("--selector=")
    }

    fn flag(&self, name: &str) -> Option<&str> {
        self.args.iter().find_map(|arg| arg.strip_prefix(name))
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
    slim(cluster, &Collection::all(DEPLOYMENTS, Some(namespace))).await
}

/// Lists the Deployments that run `watch`, in all namespaces.
pub async fn own_deployments(cluster: &Cluster) -> RequestResult<Vec<Deployment>> {
    let labels = format!("{NAME_LABEL}={OWN_NAME}");
    let source = Collection::new(DEPLOYMENTS, None, labels, |raw| {
        serde_json::from_str(raw.get())
    });
    slim(cluster, &source).await
}

type DeploymentObject = Object<DeploymentSpec, DeploymentStatus>;

async fn slim(
    cluster: &Cluster,
    source: &Collection<DeploymentObject>,
) -> RequestResult<Vec<Deployment>> {
    let objects = list_objects(cluster, source).await?;
    let slim = |Object {
                    metadata,
                    spec,
                    status,
                }: DeploymentObject| {
        let containers = spec.template.spec.containers.into_iter();
        let label = |key: &str| metadata.labels.get(key).cloned();
        Deployment {
            wanted: spec.replicas.unwrap_or(1),
            ready: status.ready_replicas,
            version: label(VERSION_LABEL),
            application: label(NAME_LABEL),
            helm_release: label(RELEASE_LABEL)
                .filter(|_| label(MANAGER_LABEL).as_deref() == Some("Helm")),
            args: containers.flat_map(|container| container.args).collect(),
            name: metadata.name,
            namespace: metadata.namespace,
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
