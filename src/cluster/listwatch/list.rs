//! Lists a collection once.

use http::Method;
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::list_decoder::{ListDecoder, ListMeta};
use super::watch::Collection;
use crate::cluster::transport::client::{Cluster, failure, in_words};
use crate::cluster::transport::error::{Cause, RequestResult};
use crate::cluster::transport::path::with_query;

/// With objects in more namespaces than this, one list or watch of the whole cluster is cheaper.
pub const MAX_NAMESPACED_LISTS: usize = 50;

/// Lists everything; gives the objects and the version that a watch can start from.
///
/// # Errors
/// Where a page can't be had.
pub async fn list<T>(cluster: &Cluster, source: &Collection<T>) -> RequestResult<(Vec<T>, String)> {
    list_counting(cluster, source, &|_| ()).await
}

/// As [`list`]. Calls `count` with the number of objects so far, for each object.
///
/// # Errors
/// As [`list`].
pub async fn list_counting<T>(
    cluster: &Cluster,
    source: &Collection<T>,
    count: &impl Fn(usize),
) -> RequestResult<(Vec<T>, String)> {
    let path = source.path();
    let mut objects = Vec::new();
    let mut next_page = String::new();
    loop {
        let page = cluster.pages.next();
        let query = [
            ("labelSelector", source.selection.labels.as_str()),
            ("fieldSelector", &source.selection.fields),
            ("limit", page.limit()),
            ("continue", &next_page),
        ];
        let before = objects.len();
        let keep = |raw: &RawValue| {
            objects.extend(source.decode(raw));
            count(objects.len());
        };
        match read_page(cluster, &with_query(&path, &query), keep).await {
            Ok(read) if read.next_page.is_empty() => return Ok((objects, read.resource_version)),
            Ok(read) => next_page = read.next_page,
            Err(error) if error.is_about_the_line() && cluster.pages.shrink(page) => {
                objects.truncate(before)
            }
            Err(error) => return Err(error),
        }
    }
}

async fn read_page(
    cluster: &Cluster,
    path: &str,
    show: impl FnMut(&RawValue),
) -> RequestResult<ListMeta> {
    let whole = async {
        let body = cluster.open(path).await?.into_body();
        read_body(body, show)
            .await
            .map_err(|cause| failure(&Method::GET, path, cause))
    };
    let limit = cluster.list_timeout();
    let page = timeout(limit, whole).await;
    page.unwrap_or_else(|_| {
        Err(failure(
            &Method::GET,
            path,
            Cause::TimedOut { after: limit },
        ))
    })
}

async fn read_body(mut body: Body, mut show: impl FnMut(&RawValue)) -> Result<ListMeta, Cause> {
    let unreadable = |cause: serde_json::Error| Cause::Unreadable {
        how: cause.to_string(),
    };
    let mut arriving = ListDecoder::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|cause| Cause::Unreachable {
            how: in_words(&cause),
        })?;
        if let Some(bytes) = frame.data_ref() {
            arriving.take(bytes, &mut show).map_err(unreadable)?;
        }
    }
    arriving.end(show).map_err(unreadable)
}
