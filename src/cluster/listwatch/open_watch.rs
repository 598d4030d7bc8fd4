//! Opens a watch, with bookmarks and a time limit.

use std::time::Duration;

use kube::api::WatchParams;

use super::collection::Collection;
use super::freshness::WATCH_TIMEOUT;
use super::lines::LineReader;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

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
    let params = WatchParams {
        label_selector: collection.selection.label_selector(),
        field_selector: collection.selection.field_selector(),
        timeout: u32::try_from(WATCH_TIMEOUT.as_secs()).ok(),
        bookmarks: true,
        send_initial_events: false,
    };
    let request = collection.request().watch(&params, version);
    let path = collection.path();
    let response = cluster.open(&path, request);
    let response = collection.within(WATCH_HEADERS_TIMEOUT, response).await?;
    Ok(LineReader::new(response.into_body()))
}
