//! Lists a collection once, page by page.

use kube::api::ListParams;

use super::collection::Collection;
use super::named_reads::read_few_of_many;
use super::page::{PageEnd, page_too_large, params, read_page};
use super::page_limit::PageLimit;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestResult};

/// For objects in more namespaces than this, one list or watch of the whole cluster is cheaper.
pub const MAX_NAMESPACED_LISTS: usize = 50;
/// The most pages of a list. A server could return pages without end.
const MAX_LIST_PAGES: usize = 1000;

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
    let (mut next_page, mut page_limit) = (None, PageLimit::default());
    for _ in 0..MAX_LIST_PAGES {
        let page = cluster.page_size.next();
        let limit = page_limit.of(page.limit());
        let params = ListParams {
            limit: Some(limit),
            continue_token: next_page.clone(),
            ..params(collection)
        };
        let before = objects.len();
        let page_read = read_page(cluster, collection, &params, &mut objects, count);
        match collection.within(cluster.page_timeout(), page_read).await {
            Ok(PageEnd::Complete(meta, _)) if meta.next_page.is_empty() => {
                return Ok((objects, meta.resource_version));
            }
            Ok(PageEnd::Complete(meta, bytes)) => {
                page_limit.grow(limit, bytes);
                next_page = Some(meta.next_page);
            }
            Ok(PageEnd::TooLarge(arrived)) if page_limit.shrink(limit, arrived) => {
                tracing::debug!(
                    path = collection.path(),
                    "a page is read again as smaller ones"
                );
                objects.truncate(before);
            }
            Ok(PageEnd::TooLarge(_)) => return Err(collection.failed(page_too_large())),
            Err(error) if error.is_unanswered() => {
                let is_smaller = cluster.page_size.shrink(page);
                if !(page_limit.shrink(limit, objects.len() - before) || is_smaller) {
                    return Err(error);
                }
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
    let page = read_page(cluster, collection, &params, &mut objects, count);
    match page.await? {
        PageEnd::Complete(meta, _) => Ok((objects, meta.resource_version)),
        PageEnd::TooLarge(_) => Err(collection.failed(page_too_large())),
    }
}
