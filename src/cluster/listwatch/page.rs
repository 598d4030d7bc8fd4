//! Reads one page of a list.

use http_body_util::BodyExt as _;
use kube::api::ListParams;
use kube::client::Body;
use serde_json::value::RawValue;

use super::collection::Collection;
use super::list_decoder::{ListDecoder, ListMeta};
use super::pacer::Pacer;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestResult};
use crate::cluster::transport::response::MAX_OBJECT_BYTES;

/// The most bytes of one page of a list, so that what is kept of them fits into memory.
const MAX_PAGE_BYTES: usize = 512 * 1024 * 1024;
/// The most objects of a list: more than a large cluster has, and they fit into memory.
const MAX_LIST_OBJECTS: usize = 500_000;

/// Returns the newest resource version of a collection, with a list of at most one object.
///
/// # Errors
/// If the list fails.
pub async fn newest_version<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
) -> RequestResult<String> {
    let page = first_object(cluster, collection).await?;
    Ok(page.resource_version)
}

/// Lists at most one object, and returns the metadata of the list.
pub(super) async fn first_object<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
) -> RequestResult<ListMeta> {
    let before = cluster.store.before(collection.store_key());
    let params = ListParams {
        limit: Some(1),
        // With a selector, the server might have to search all objects for one.
        label_selector: None,
        ..params(collection)
    };
    let mut first = Vec::new();
    let page = read_page(cluster, collection, &params, &mut first, &|_| ());
    let meta = collection.within(cluster.timeout(), page).await?;
    cluster.store.observe(&before, &meta.resource_version);
    Ok(meta)
}

pub(super) fn params<T>(collection: &Collection<T>) -> ListParams {
    ListParams {
        label_selector: collection.selection.label_selector(),
        field_selector: collection.selection.field_selector(),
        ..ListParams::default()
    }
}

/// Reads one page, and adds its objects.
pub(super) async fn read_page<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
    params: &ListParams,
    objects: &mut Vec<T>,
    count: &impl Fn(usize),
) -> RequestResult<ListMeta> {
    let response = cluster
        .open(&collection.path(), collection.request().list(params))
        .await?;
    let page = read_body(response.into_body(), collection, objects, count);
    page.await.map_err(|cause| collection.failed(cause))
}

async fn read_body<T>(
    mut body: Body,
    collection: &Collection<T>,
    objects: &mut Vec<T>,
    count: &impl Fn(usize),
) -> Result<ListMeta, Cause> {
    let mut keep = |raw: &RawValue| {
        objects.extend(collection.decode(raw));
        count(objects.len());
        objects.len()
    };
    let mut decoder = ListDecoder::default();
    let (mut pacer, mut read) = (Pacer::default(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Cause::unreachable)?;
        let Some(bytes) = frame.data_ref() else {
            continue;
        };
        read = read.saturating_add(bytes.len());
        if read > MAX_PAGE_BYTES {
            return Err(Cause::too_large("a page of a list", MAX_PAGE_BYTES));
        }
        let mut kept = 0;
        decoder
            .feed(bytes, |raw| kept = keep(raw))
            .map_err(|cause| Cause::unreadable(&cause))?;
        if decoder.is_too_large() {
            return Err(Cause::too_large("an object", MAX_OBJECT_BYTES));
        }
        if kept > MAX_LIST_OBJECTS {
            let how = format!("the list has more than {MAX_LIST_OBJECTS} objects");
            return Err(Cause::Unreadable { how });
        }
        pacer.decoded(bytes.len()).await;
    }
    decoder
        .finish(|raw| _ = keep(raw))
        .map_err(|cause| Cause::unreadable(&cause))
}
