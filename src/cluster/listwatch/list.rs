//! Lists a collection once, page by page.

use http_body_util::BodyExt as _;
use kube::api::ListParams;
use kube::client::Body;
use serde_json::value::RawValue;

use super::collection::Collection;
use super::list_decoder::{ListDecoder, ListMeta};
use super::named_reads::read_few_of_many;
use super::pacer::Pacer;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestResult};
use crate::cluster::transport::response::MAX_OBJECT_BYTES;

/// For objects in more namespaces than this, one list or watch of the whole cluster is cheaper.
pub const MAX_NAMESPACED_LISTS: usize = 50;
/// The most pages of a list. A server could return pages without end.
const MAX_LIST_PAGES: usize = 1000;
/// The most bytes of one page of a list, so that what is kept of them fits into memory.
const MAX_PAGE_BYTES: usize = 512 * 1024 * 1024;
/// The most objects of a list: more than a large cluster has, and they fit into memory.
const MAX_LIST_OBJECTS: usize = 500_000;

/// Lists a collection. Returns the objects, and the resource version that a watch can start from.
/// If only a few names matter, other objects may be missing.
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
    let before = cluster.store.before(collection.store_key());
    let read = async {
        match read_few_of_many(cluster, collection).await? {
            Some(read) => Ok(read),
            None => list_pages(cluster, collection, count).await,
        }
    };
    let listed = collection.within(cluster.list_timeout(), read);
    let (objects, version) = listed.await?;
    cluster.store.observe(&before, &version);
    Ok((objects, version))
}

async fn list_pages<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
    count: &impl Fn(usize),
) -> RequestResult<(Vec<T>, String)> {
    let mut objects = Vec::new();
    let mut next_page = None;
    for _ in 0..MAX_LIST_PAGES {
        let page = cluster.page_size.next();
        let params = ListParams {
            limit: Some(page.limit()),
            continue_token: next_page.clone(),
            ..params(collection)
        };
        let before = objects.len();
        let page_read = read_page(cluster, collection, &params, &mut objects, count);
        match collection.within(cluster.page_timeout(), page_read).await {
            Ok(meta) if meta.next_page.is_empty() => return Ok((objects, meta.resource_version)),
            Ok(meta) => next_page = Some(meta.next_page),
            Err(error) if error.is_unanswered() && cluster.page_size.shrink(page) => {
                objects.truncate(before);
            }
            Err(error) if error.is_gone() && next_page.is_some() => {
                return list_at_once(cluster, collection, count).await;
            }
            Err(error) => return Err(error),
        }
    }
    let how = format!("the list has more than {MAX_LIST_PAGES} pages");
    Err(collection.failed(Cause::Unreadable { how }))
}

/// Lists everything as one page, like client-go, since the server no longer has the version that
/// the first pages showed. Only the time limit of the whole list applies: small pages would expire
/// again.
async fn list_at_once<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
    count: &impl Fn(usize),
) -> RequestResult<(Vec<T>, String)> {
    tracing::debug!(path = collection.path(), "a list expired between two pages");
    let mut objects = Vec::new();
    let params = params(collection);
    let meta = read_page(cluster, collection, &params, &mut objects, count).await?;
    Ok((objects, meta.resource_version))
}

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

fn params<T>(collection: &Collection<T>) -> ListParams {
    ListParams {
        label_selector: collection.selection.label_selector(),
        field_selector: collection.selection.field_selector(),
        ..ListParams::default()
    }
}

/// Reads one page, and adds its objects.
async fn read_page<T>(
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
