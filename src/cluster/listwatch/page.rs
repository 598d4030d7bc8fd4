//! Reads one page of a list.

use http_body_util::BodyExt as _;
use kube::api::ListParams;
use kube::client::Body;
use serde_json::value::RawValue;

use super::collection::Collection;
use super::list_decoder::{ListDecoder, ListMeta};
use super::pacer::Pacer;
use super::page_limit::MAX_DIVISIBLE_PAGE_BYTES;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestResult};
use crate::cluster::transport::response::MAX_OBJECT_BYTES;

/// The most bytes of a page that cannot be divided: of one object, without a limit, or of a server
/// that ignores the limit.
const MAX_PAGE_BYTES: usize = 512 * 1024 * 1024;

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
    match collection.within(cluster.timeout(), page).await? {
        PageEnd::Complete(meta, _) => {
            cluster.store.observe(&before, &meta.resource_version);
            Ok(meta)
        }
        PageEnd::TooLarge(_) => Err(collection.failed(page_too_large())),
    }
}

pub(super) fn params<T>(collection: &Collection<T>) -> ListParams {
    ListParams {
        label_selector: collection.selection.label_selector(),
        field_selector: collection.selection.field_selector(),
        ..ListParams::default()
    }
}

/// How reading a page ended.
pub(super) enum PageEnd {
    /// It was read, with this many bytes.
    Complete(ListMeta, usize),
    /// It grew too large after this many objects.
    TooLarge(usize),
}

pub(super) fn page_too_large() -> Cause {
    Cause::too_large("a page of a list", MAX_PAGE_BYTES)
}

/// Reads one page, and adds its objects.
pub(super) async fn read_page<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
    params: &ListParams,
    objects: &mut Vec<T>,
    count: &impl Fn(usize),
) -> RequestResult<PageEnd> {
    let response = cluster
        .open(&collection.path(), collection.request().list(params))
        .await?;
    let limit = params.limit.unwrap_or_default();
    let page = read_body(response.into_body(), collection, limit, objects, count);
    page.await.map_err(|cause| collection.failed(cause))
}

async fn read_body<T>(
    mut body: Body,
    collection: &Collection<T>,
    limit: u32,
    objects: &mut Vec<T>,
    count: &impl Fn(usize),
) -> Result<PageEnd, Cause> {
    let mut keep = |raw: &RawValue| {
        objects.extend(collection.decode(raw));
        count(objects.len());
        objects.len()
    };
    let mut decoder = ListDecoder::default();
    let (mut pacer, mut read, mut arrived) = (Pacer::default(), 0_usize, 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Cause::unreachable)?;
        let Some(bytes) = frame.data_ref() else {
            continue;
        };
        read = read.saturating_add(bytes.len());
        // With more objects than requested, the server ignores the limit.
        let is_divisible = limit > 1 && (1..=limit as usize).contains(&arrived);
        if read > MAX_PAGE_BYTES || (read > MAX_DIVISIBLE_PAGE_BYTES && is_divisible) {
            return Ok(PageEnd::TooLarge(arrived));
        }
        let mut kept = 0;
        decoder
            .feed(bytes, |raw| {
                arrived += 1;
                kept = keep(raw);
            })
            .map_err(|cause| Cause::unreadable(&cause))?;
        if decoder.is_too_large() {
            return Err(Cause::too_large("an object", MAX_OBJECT_BYTES));
        }
        let max_objects = collection.max_objects;
        if kept > max_objects {
            let how = format!("the list has more than {max_objects} objects");
            return Err(Cause::Unreadable { how });
        }
        pacer.decoded(bytes.len()).await;
    }
    let meta = decoder.finish(|raw| _ = keep(raw));
    let meta = meta.map_err(|cause| Cause::unreadable(&cause))?;
    Ok(PageEnd::Complete(meta, read))
}
