//! The programs, Services and volumes in a namespace that no installation of this program's chart
//! made.

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

/// The kinds, as kubectl names one of their objects.
const KINDS: [(ApiResource, &str); 8] = [
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

/// Lists the objects that have no owner.
pub async fn occupants(cluster: &Cluster, namespace: &str) -> RequestResult<Vec<Occupant>> {
    let lists = KINDS.iter().map(|(resource, kind)| async move {
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
    (!is_own && metadata.owner_references.is_empty()).then(|| Occupant {
        name: format!("{kind}/{}", metadata.name),
        is_upstream: metadata.name == UPSTREAM_NAME || label(NAME_LABEL) == Some(UPSTREAM_NAME),
    })
}
