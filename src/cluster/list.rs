//! Lists a collection once.

use http::Method;
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::arriving::{Arriving, ListMeta};
use super::client::{Cluster, failure, in_words};
use super::error::{Cause, RequestError, RequestResult};
use super::path::with_query;
use super::stream::Source;

/// The API server has a first page at hand, and reads those after it from etcd: few are cheaper than many.
const LARGE_PAGE: &str = "10000";
/// What a slow line brings within the limit of a request.
const SMALL_PAGE: &str = "500";
/// More than these are many.
const MANY: usize = 500;

/// Lists everything; gives the objects and the version that a watch can start from.
///
/// # Errors
/// Where a page can't be had.
pub async fn list<T>(cluster: &Cluster, source: &Source<T>) -> RequestResult<(Vec<T>, String)> {
    list_telling(cluster, source, &Notify::new()).await
}

/// The same; tells as soon as many have arrived.
///
/// # Errors
/// As [`list`].
pub async fn list_telling<T>(
    cluster: &Cluster,
    source: &Source<T>,
    are_many: &Notify,
) -> RequestResult<(Vec<T>, String)> {
    let path = source.endpoint.collection(source.namespace.as_deref());
    let mut objects = Vec::new();
    let mut next_page = String::new();
    loop {
        let has_small_pages = cluster.has_small_pages();
        let query = [
            ("labelSelector", source.selection.labels.as_str()),
            ("fieldSelector", &source.selection.fields),
            ("limit", if has_small_pages { SMALL_PAGE } else { LARGE_PAGE }),
            ("continue", &next_page),
        ];
        let before = objects.len();
        let keep = |raw: &RawValue| {
            objects.extend(source.decode(raw));
            if objects.len() == MANY {
                are_many.notify_one();
            }
        };
        match read_page(cluster, &with_query(&path, &query), keep).await {
            Ok(page) if page.next_page.is_empty() => return Ok((objects, page.resource_version)),
            Ok(page) => next_page = page.next_page,
            Err(Unread { has_begun: true, error }) if !has_small_pages => {
                tracing::debug!(%error, "lists come in small pages from now on");
                cluster.take_small_pages();
                objects.truncate(before);
            }
            Err(Unread { error, .. }) => return Err(error),
        }
    }
}

/// A page that could not be read.
struct Unread {
    /// Some of it arrived.
    has_begun: bool,
    error: RequestError,
}

async fn read_page(cluster: &Cluster, path: &str, show: impl FnMut(&RawValue)) -> Result<ListMeta, Unread> {
    let mut has_begun = false;
    let whole = async {
        let body = cluster.open(path).await?.into_body();
        has_begun = true;
        read_body(body, show).await.map_err(|cause| failure(&Method::GET, path, cause))
    };
    let limit = cluster.list_timeout();
    let page = timeout(limit, whole).await;
    let page = page.unwrap_or_else(|_| Err(failure(&Method::GET, path, Cause::TimedOut { after: limit })));
    page.map_err(|error| Unread { has_begun, error })
}

async fn read_body(mut body: Body, mut show: impl FnMut(&RawValue)) -> Result<ListMeta, Cause> {
    let unreadable = |cause: serde_json::Error| Cause::Unreadable { how: cause.to_string() };
    let mut arriving = Arriving::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|cause| Cause::Unreachable { how: in_words(&cause) })?;
        if let Some(bytes) = frame.data_ref() {
            arriving.take(bytes, &mut show).map_err(unreadable)?;
        }
    }
    arriving.end(show).map_err(unreadable)
}
