//! Namespaces: whether one exists, its labels, and which ones have certain labels.

use std::collections::HashMap;

use serde::de::IgnoredAny;

use super::types::Object;
use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::NAMESPACES;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

/// Returns true if a namespace is known not to exist. Returns false if the user cannot read
/// namespaces, as is common.
pub async fn is_missing(cluster: &Cluster, namespace: &str) -> bool {
    let found: RequestResult<IgnoredAny> = cluster.get(NAMESPACES, None, namespace).await;
    found.is_err_and(|error| error.is_not_found())
}

/// Returns the labels of a namespace, or None if it does not exist.
pub async fn labels(
    cluster: &Cluster,
    namespace: &str,
) -> RequestResult<Option<HashMap<String, String>>> {
    let found: RequestResult<Object<IgnoredAny>> = cluster.get(NAMESPACES, None, namespace).await;
    match found {
        Ok(found) => Ok(Some(found.metadata.labels)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Lists the names of the namespaces with these labels. An empty selector selects all.
pub async fn names(cluster: &Cluster, labels: &str) -> RequestResult<Vec<String>> {
    let namespaces = Collection::new(NAMESPACES, None, labels, |raw| {
        serde_json::from_str::<Object<IgnoredAny, IgnoredAny>>(raw.get())
    });
    let objects = list_objects(cluster, &namespaces).await?;
    Ok(objects.into_iter().map(|it| it.metadata.name).collect())
}
