//! Lists EndpointSlices again, separately from the watches, in this cluster or a mirrored one.

use std::time::Duration;

use tokio::time::timeout;

use super::scope::RelistRequest;
use crate::cluster::api::endpoint_slices;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list;
use crate::cluster::remotes::remote_clusters::REMOTE_READ_TIMEOUT;
use crate::cluster::transport::error::Cause;
use crate::cluster::{Clusters, RequestResult};
use crate::model::WhyUnknown;

/// Lists the slices of these services.
///
/// # Errors
/// If the list fails or the other cluster cannot be reached.
pub async fn relist(local: &Clusters, place: &RelistRequest) -> RequestResult<Vec<Slice>> {
    let source = endpoint_slices::collection(&place.namespace, Some(&place.names));
    let Some(name) = &place.cluster else {
        return list(local, &source).await.map(|(slices, _)| slices);
    };
    let listed = list_remote_slices(local, name, &source, REMOTE_READ_TIMEOUT).await;
    listed.unwrap_or_else(|why| Err(source.failed(Cause::unreachable(why.to_string()))))
}

/// Lists slices in another cluster within a time limit, which includes the connection.
///
/// # Errors
/// Why the cluster cannot be reached.
pub async fn list_remote_slices(
    local: &Clusters,
    name: &str,
    source: &Collection<Slice>,
    limit: Duration,
) -> Result<RequestResult<Vec<Slice>>, WhyUnknown> {
    let listed = timeout(limit, async {
        let remote = local.remote(name).await?.limited(limit);
        Ok(list(&remote, source).await.map(|(slices, _)| slices))
    });
    listed
        .await
        .unwrap_or_else(|_| Ok(Err(source.failed(Cause::TimedOut { after: limit }))))
}
