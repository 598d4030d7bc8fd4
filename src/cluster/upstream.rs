//! Linkerd's own failover controller, where it runs in the cluster.

use serde::Deserialize;

use super::client::Cluster;
use super::error::RequestResult;
use super::path::{DEPLOYMENTS, NAMESPACES, with_query};

const EXTENSION: &str = "linkerd.io/extension=failover";

/// What the controller selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub namespace: String,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: ItemMeta,
    #[serde(default)]
    status: ItemStatus,
}

#[derive(Deserialize)]
struct ItemMeta {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ItemStatus {
    ready_replicas: i32,
}

/// The controller that runs in the cluster: a Deployment with a ready pod, in a namespace of the extension.
pub async fn find(cluster: &Cluster) -> RequestResult<Option<Upstream>> {
    let path = with_query(&NAMESPACES.collection(None), &[("labelSelector", EXTENSION)]);
    for namespace in cluster.get::<List>(&path).await?.items {
        let name = namespace.metadata.name;
        let deployments: List = cluster.get(&DEPLOYMENTS.collection(Some(&name))).await?;
        if deployments.items.iter().any(|deployment| deployment.status.ready_replicas > 0) {
            return Ok(Some(Upstream { namespace: name }));
        }
    }
    Ok(None)
}
