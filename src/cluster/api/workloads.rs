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
/// The name of Linkerd's failover controller, in its chart.
pub const UPSTREAM_NAME: &str = "linkerd-failover";

/// A Deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// The image of its first container.
    pub image: String,
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

    /// Whether it is Linkerd's failover controller: it has the name or the image of that chart.
    pub fn is_upstream(&self) -> bool {
        let repository = self.image_repository();
        let has_image = repository.ends_with("/linkerd/failover")
            || repository.rsplit('/').next() == Some(UPSTREAM_NAME);
        let has_name =
            self.name == UPSTREAM_NAME || self.application.as_deref() == Some(UPSTREAM_NAME);
        !self.is_own() && (has_name || has_image)
    }

    /// Returns the tag of its image. None: the image has a digest alone, or no tag.
    pub fn image_tag(&self) -> Option<&str> {
        let reference = self.image.split('@').next()?;
        let (_, tag) = reference.rsplit('/').next()?.split_once(':')?;
        Some(tag)
    }

    /// Returns its image without tag and digest.
    pub fn image_repository(&self) -> &str {
        let reference = self.image.split('@').next().unwrap_or_default();
        let tag = self.image_tag().and_then(|tag| reference.strip_suffix(tag));
        tag.map_or(reference, |it| it.trim_end_matches(':'))
    }

    /// Returns the namespaces that its `watch` is limited to. Empty: it runs groups in all of them.
    pub fn watched_namespaces(&self) -> Vec<String> {
        let names = self.flag("--namespaces=").unwrap_or_default().split(',');
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
    image: String,
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
        let containers = spec.template.spec.containers;
        let image = containers.first().map(|container| container.image.clone());
        let label = |key: &str| metadata.labels.get(key).cloned();
        Deployment {
            wanted: spec.replicas.unwrap_or(1),
            ready: status.ready_replicas,
            version: label(VERSION_LABEL),
            application: label(NAME_LABEL),
            helm_release: label(RELEASE_LABEL)
                .filter(|_| label(MANAGER_LABEL).as_deref() == Some("Helm")),
            image: image.unwrap_or_default(),
            args: containers.into_iter().flat_map(|it| it.args).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_repository_and_perhaps_a_tag() {
        for (image, repository, tag) in [
            ("ghcr.io/a/b:0.1.0", "ghcr.io/a/b", Some("0.1.0")),
            ("host:5000/a/b", "host:5000/a/b", None),
            ("host:5000/b@sha256:12", "host:5000/b", None),
            ("b:1@sha256:12", "b", Some("1")),
            ("", "", None),
        ] {
            let deployment = Deployment {
                image: image.to_owned(),
                ..Deployment::default()
            };
            let found = (deployment.image_repository(), deployment.image_tag());
            assert_eq!(found, (repository, tag), "{image}");
        }
    }
}
