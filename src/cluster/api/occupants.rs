//! What is in a namespace that no installation of this program's chart made: programs, Services,
//! volumes, and what people keep beside them.

use std::collections::HashMap;

use futures::future::try_join_all;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::workloads::{NAME_LABEL, OWN_NAME, UPSTREAM_NAME};
use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::{ApiResource, DEPLOYMENTS, PODS, SERVICES};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

/// A kind, and how kubectl names one of its objects.
type OccupantKind = (ApiResource, &'static str);

/// What runs, or is used while it runs.
const PROGRAMS: [OccupantKind; 8] = [
    (DEPLOYMENTS, "deployment"),
    (
        ApiResource::new("apis/apps/v1", "statefulsets"),
        "statefulset",
    ),
    (ApiResource::new("apis/apps/v1", "daemonsets"), "daemonset"),
    (ApiResource::new("apis/batch/v1", "cronjobs"), "cronjob"),
    (ApiResource::new("apis/batch/v1", "jobs"), "job"),
    (PODS, "pod"),
    (SERVICES, "service"),
    (
        ApiResource::new("api/v1", "persistentvolumeclaims"),
        "persistentvolumeclaim",
    ),
];

/// What is lost with a namespace, too.
const BELONGINGS: [OccupantKind; 5] = [
    (ApiResource::new("api/v1", "secrets"), "secret"),
    (ApiResource::new("api/v1", "configmaps"), "configmap"),
    (
        ApiResource::new("apis/rbac.authorization.k8s.io/v1", "roles"),
        "role",
    ),
    (
        ApiResource::new("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
        "rolebinding",
    ),
    (
        ApiResource::new("apis/networking.k8s.io/v1", "ingresses"),
        "ingress",
    ),
];

/// Kubernetes puts it into each namespace.
const ROOT_CERTIFICATES: &str = "kube-root-ca.crt";

/// An object in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// Such as `deployment/cart`.
    pub name: String,
    /// It is Linkerd's failover controller.
    pub is_upstream: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: String,
    labels: HashMap<String, String>,
    owner_references: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Named {
    metadata: Metadata,
}

/// Lists the programs, Services and volumes that have no owner.
pub async fn programs(cluster: &Cluster, namespace: &str) -> RequestResult<Vec<Occupant>> {
    occupants(cluster, namespace, &PROGRAMS).await
}

/// Lists all that would be lost with the namespace.
pub async fn contents(cluster: &Cluster, namespace: &str) -> RequestResult<Vec<Occupant>> {
    let mut contents = programs(cluster, namespace).await?;
    contents.extend(occupants(cluster, namespace, &BELONGINGS).await?);
    Ok(contents)
}

async fn occupants(
    cluster: &Cluster,
    namespace: &str,
    kinds: &[OccupantKind],
) -> RequestResult<Vec<Occupant>> {
    let lists = kinds.iter().map(|(resource, kind)| async move {
        let source = Collection::<Named>::all(*resource, Some(namespace));
        let found = list_objects(cluster, &source).await?.into_iter();
        let found = found.filter_map(|Named { metadata }| occupant(kind, &metadata));
        Ok(found.collect::<Vec<_>>())
    });
    Ok(try_join_all(lists).await?.concat())
}

fn occupant(kind: &str, metadata: &Metadata) -> Option<Occupant> {
    let label = |key: &str| metadata.labels.get(key).map(String::as_str);
    let is_own = label(NAME_LABEL) == Some(OWN_NAME);
    let is_made = is_own
        || metadata.name == ROOT_CERTIFICATES
        || label("owner") == Some("helm")
        || !metadata.owner_references.is_empty();
    (!is_made).then(|| Occupant {
        name: format!("{kind}/{}", metadata.name),
        is_upstream: metadata.name == UPSTREAM_NAME || label(NAME_LABEL) == Some(UPSTREAM_NAME),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_kubernetes_helm_and_the_chart_made_does_not_count() {
        let counts = |metadata| {
            let metadata: Metadata = serde_json::from_value(metadata).unwrap();
            occupant("secret", &metadata).map(|it| it.name)
        };
        let own = json!({"name": "a", "labels": {NAME_LABEL: OWN_NAME}});
        let release = json!({"name": "sh.helm.release.v1.a.v1", "labels": {"owner": "helm"}});
        let owned = json!({"name": "a", "ownerReferences": [{"name": "b"}]});
        for made in [own, release, owned, json!({"name": "kube-root-ca.crt"})] {
            assert_eq!(counts(made), None);
        }
        let people = json!({"name": "regcred", "labels": {"app": "x"}});
        assert_eq!(counts(people), Some("secret/regcred".to_owned()));
    }
}
