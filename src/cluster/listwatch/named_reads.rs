//! Reads the few objects that matter of a large collection by their names. The API cannot select a
//! set of names: labels do not select Services by name, and a field selector takes one name.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::value::RawValue;

use super::collection::Collection;
use super::page::first_object;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

/// A collection with at most this many objects is always listed.
const MAX_LISTED_OBJECTS: usize = 500;
/// A collection with at most this many objects for each name is listed.
const MAX_OBJECTS_PER_NAME: usize = 10;
const CONCURRENT_READS: usize = 8;

/// Returns the objects that matter, and a version that a watch can start from. Returns None if it
/// is better to list the collection. Objects are read after the version, so each one is at least as
/// new, and the watch reports whatever changes later.
pub(super) async fn read_few_of_many<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
) -> RequestResult<Option<(Vec<T>, String)>> {
    let (Some(names), Some(namespace)) = (&collection.names, &collection.namespace) else {
        return Ok(None);
    };
    let page = first_object(cluster, collection).await?;
    let others = page.remaining_item_count.unwrap_or_default();
    let most = MAX_LISTED_OBJECTS.max(names.len().saturating_mul(MAX_OBJECTS_PER_NAME));
    if usize::try_from(others).is_ok_and(|others| others <= most) {
        return Ok(None);
    }
    let reads = Vec::from_iter(names.iter().cloned()).into_iter();
    let reads = reads.map(async |name: String| get(cluster, collection, namespace, &name).await);
    let found: RequestResult<Vec<Option<T>>> = stream::iter(reads)
        .buffer_unordered(CONCURRENT_READS)
        .try_collect()
        .await;
    match found {
        Ok(found) => Ok(Some((
            found.into_iter().flatten().collect(),
            page.resource_version,
        ))),
        // The user may have the right to list, but not to get.
        Err(error) if error.is_forbidden() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gets an object. Returns None if it does not exist, or cannot be decoded.
async fn get<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
    namespace: &str,
    name: &str,
) -> RequestResult<Option<T>> {
    let decode = |raw: &RawValue| Ok(collection.decode(raw));
    let found = cluster.find(collection.resource, namespace, name, decode);
    Ok(found.await?.flatten())
}
