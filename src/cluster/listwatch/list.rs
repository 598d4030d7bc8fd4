//! Lists a collection once, page by page.

use http::Method;
use http_body_util::BodyExt as _;
use kube::api::ListParams;
use kube::client::Body;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::collection::Collection;
use super::list_decoder::{ListDecoder, ListMeta};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestError, RequestResult};

/// For objects in more namespaces than this, one list or watch of the whole cluster is cheaper.
pub const MAX_NAMESPACED_LISTS: usize = 50;

/// Lists a collection. Returns the objects, and the resource version that a watch can start from.
///
/// # Errors
/// If a page cannot be read.
pub async fn list<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
) -> RequestResult<(Vec<T>, String)> {
    list_counting(cluster, collection, &|_| ()).await
}

/// Lists all objects of a collection.
///
/// # Errors
/// As [`list`].
pub async fn list_objects<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
) -> RequestResult<Vec<T>> {
    list(cluster, collection).await.map(|(objects, _)| objects)
}

/// Like [`list`]. Calls `count` for each object, with the number of objects so far.
///
/// # Errors
/// As [`list`].
pub async fn list_counting<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
    count: &impl Fn(usize),
) -> RequestResult<(Vec<T>, String)> {
    let selection = &collection.selection;
    let selector = |text: &String| (!text.is_empty()).then(|| text.clone());
    let mut objects = Vec::new();
    let mut next_page = None;
    loop {
        let page = cluster.page_size.next();
        let params = ListParams {
            label_selector: selector(&selection.labels),
            field_selector: selector(&selection.fields),
            limit: Some(page.limit()),
            continue_token: next_page.clone(),
            ..ListParams::default()
        };
        let before = objects.len();
        let keep = |raw: &RawValue| {
            objects.extend(collection.decode(raw));
            count(objects.len());
        };
        match read_page(cluster, collection, &params, keep).await {
            Ok(meta) if meta.next_page.is_empty() => return Ok((objects, meta.resource_version)),
            Ok(meta) => next_page = Some(meta.next_page),
            Err(error) if error.is_unanswered() && cluster.page_size.shrink(page) => {
                objects.truncate(before);
            }
            Err(error) => return Err(error),
        }
    }
}

async fn read_page<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
    params: &ListParams,
    keep: impl FnMut(&RawValue),
) -> RequestResult<ListMeta> {
    let path = collection.path();
    let failed = |cause| RequestError::new(&Method::GET, &path, cause);
    let page = async {
        let response = cluster
            .open(&path, collection.request().list(params))
            .await?;
        read_body(response.into_body(), keep).await.map_err(failed)
    };
    let after = cluster.list_timeout();
    timeout(after, page)
        .await
        .unwrap_or_else(|_| Err(failed(Cause::TimedOut { after })))
}

async fn read_body(mut body: Body, mut keep: impl FnMut(&RawValue)) -> Result<ListMeta, Cause> {
    let mut decoder = ListDecoder::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Cause::unreachable)?;
        if let Some(bytes) = frame.data_ref() {
            decoder
                .feed(bytes, &mut keep)
                .map_err(|cause| Cause::unreadable(&cause))?;
        }
    }
    decoder
        .finish(keep)
        .map_err(|cause| Cause::unreadable(&cause))
}
