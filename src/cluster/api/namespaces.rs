//! Namespaces, by name.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::cluster::transport::path::NAMESPACES;

#[derive(Deserialize)]
struct List {
    items: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    metadata: ObjectMeta,
}

#[derive(Deserialize)]
struct ObjectMeta {
    name: String,
}

/// Whether a namespace is known not to exist. Many users may not read namespaces: then nothing is known.
pub async fn is_missing(cluster: &Cluster, namespace: &str) -> bool {
    let found: RequestResult<IgnoredAny> = cluster.get(&NAMESPACES.cluster_object(namespace)).await;
    found.is_err_and(|error| error.is_not_found())
}

/// The names of all namespaces.
pub async fn names(cluster: &Cluster) -> RequestResult<Vec<String>> {
    let list: List = cluster.get_many(&NAMESPACES.collection(None)).await?;
    Ok(list
        .items
        .into_iter()
        .map(|object| object.metadata.name)
        .collect())
}
