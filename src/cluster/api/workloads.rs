//! Deployments and pods, as far as they tell what is installed and meshed.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::cluster::transport::path::{DEPLOYMENTS, NAMESPACES, PODS, SERVICES, with_query};

#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    name: String,
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Namespace {
    metadata: Meta,
}

/// The names of the namespaces with these labels.
pub async fn namespaces(cluster: &Cluster, labels: &str) -> RequestResult<Vec<String>> {
    let path = with_query(&NAMESPACES.collection(None), &[("labelSelector", labels)]);
    let list: List<Namespace> = cluster.get_many(&path).await?;
    Ok(list
        .items
        .into_iter()
        .map(|namespace| namespace.metadata.name)
        .collect())
}

/// A Deployment, slim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    pub name: String,
    pub wanted: u32,
    pub ready: u32,
    /// The arguments of all its containers.
    pub args: Vec<String>,
}

impl Deployment {
    pub fn is_ready(&self) -> bool {
        self.ready >= self.wanted
    }
}

#[derive(Deserialize)]
struct DeploymentObject {
    metadata: Meta,
    #[serde(default)]
    spec: DeploymentSpec,
    #[serde(default)]
    status: DeploymentStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeploymentSpec {
    replicas: Option<u32>,
    template: Template,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Template {
    spec: PodSpec,
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
    args: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DeploymentStatus {
    ready_replicas: u32,
}

/// The Deployments of a namespace.
pub async fn deployments(cluster: &Cluster, namespace: &str) -> RequestResult<Vec<Deployment>> {
    let list: List<DeploymentObject> = cluster
        .get_many(&DEPLOYMENTS.collection(Some(namespace)))
        .await?;
    Ok(list.items.into_iter().map(DeploymentObject::slim).collect())
}

impl DeploymentObject {
    fn slim(self) -> Deployment {
        Deployment {
            name: self.metadata.name,
            wanted: self.spec.replicas.unwrap_or(1),
            ready: self.status.ready_replicas,
            args: self
                .spec
                .template
                .spec
                .containers
                .into_iter()
                .flat_map(|container| container.args)
                .collect(),
        }
    }
}

/// A pod, slim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// It has a proxy of Linkerd's beside it.
    pub is_meshed: bool,
    /// It has not ended.
    pub is_alive: bool,
}

#[derive(Deserialize)]
struct PodObject {
    metadata: Meta,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: String,
}

/// The pods of a namespace.
pub async fn pods(cluster: &Cluster, namespace: &str) -> RequestResult<Vec<Pod>> {
    let list: List<PodObject> = cluster.get_many(&PODS.collection(Some(namespace))).await?;
    Ok(list.items.into_iter().map(PodObject::slim).collect())
}

impl PodObject {
    fn slim(self) -> Pod {
        const PROXY: &str = "linkerd-proxy";
        let PodSpec {
            containers,
            init_containers,
        } = self.spec;
        Pod {
            is_meshed: containers
                .iter()
                .chain(&init_containers)
                .any(|container| container.name == PROXY),
            is_alive: !matches!(self.status.phase.as_str(), "Succeeded" | "Failed"),
            name: self.metadata.name,
            labels: self.metadata.labels,
        }
    }
}

#[derive(Deserialize)]
struct ServiceObject {
    metadata: Meta,
    #[serde(default)]
    spec: ServiceSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServiceSpec {
    selector: BTreeMap<String, String>,
}

/// What each service of a namespace selects its pods by; empty where it selects none.
pub async fn selectors(
    cluster: &Cluster,
    namespace: &str,
) -> RequestResult<BTreeMap<String, BTreeMap<String, String>>> {
    let list: List<ServiceObject> = cluster
        .get_many(&SERVICES.collection(Some(namespace)))
        .await?;
    Ok(list
        .items
        .into_iter()
        .map(|service| (service.metadata.name, service.spec.selector))
        .collect())
}
