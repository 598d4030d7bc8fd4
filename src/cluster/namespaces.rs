//! Namespaces, by name.

use serde::Deserialize;

use super::client::Cluster;
use super::error::RequestResult;
use super::path::NAMESPACES;

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

/// The names of all namespaces.
pub async fn names(cluster: &Cluster) -> RequestResult<Vec<String>> {
    let list: List = cluster.get_many(&NAMESPACES.collection(None)).await?;
    Ok(list.items.into_iter().map(|object| object.metadata.name).collect())
}
