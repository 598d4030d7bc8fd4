//! Opens a watch, with bookmarks and a time limit.

use std::time::Duration;

use http::Method;
use kube::api::WatchParams;
use tokio::time::timeout;

use super::collection::Collection;
use super::freshness::WATCH_TIMEOUT;
use super::lines::LineReader;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestError, RequestResult};

/// The longest time limit of the headers of a watch. The server sends them at once.
const WATCH_HEADERS_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a watch. Its headers have a time limit.
///
/// # Errors
/// If the server refuses the watch, or does not respond.
pub(super) async fn open<T>(
    cluster: &Cluster,
    collection: &Collection<T>,
    version: &str,
) -> RequestResult<LineReader> {
    let selector = |text: &String| (!text.is_empty()).then(|| text.clone());
    let params = WatchParams {
        label_selector: selector(&collection.selection.labels),
        field_selector: selector(&collection.selection.fields),
        timeout: u32::try_from(WATCH_TIMEOUT.as_secs()).ok(),
        bookmarks: true,
        send_initial_events: false,
    };
    let request = collection.request().watch(&params, version);
    let after = WATCH_HEADERS_TIMEOUT;
    let path = collection.path();
    let response = timeout(after, cluster.open(&path, request)).await;
    let response = response.unwrap_or_else(|_| {
        let cause = Cause::TimedOut { after };
        Err(RequestError::new(&Method::GET, &path, cause))
    })?;
    Ok(LineReader::new(response.into_body()))
}
