//! Polling in place of watches: a server whose lists work but whose watches report nothing in time
//! is listed every few seconds. A proxy that buffers responses makes watches useless, for example.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::collection::Collection;
use super::freshness::FRESH_FOR;
use super::open_watch::open;
use super::page::newest_version;
use crate::cluster::transport::client::Cluster;

/// After this many useless watches in a row, the collection is polled.
pub const MAX_USELESS_WATCHES: u32 = 2;
/// A line that arrives less than this before the end of its watch was held back: the server sends
/// its last bookmark 2 s before the end.
pub const HELD_BACK: Duration = Duration::from_millis(250);
const MIN_POLL_INTERVAL: Duration = Duration::from_secs(3);
/// How often to check whether watches work again.
const WATCH_RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Returns the time between two lists, given the time that the last one took: a server or a
/// connection that is slow must not be kept busy.
pub fn poll_interval(took: Duration) -> Duration {
    (took * 3).clamp(MIN_POLL_INTERVAL, FRESH_FOR)
}

/// Completes when a watch reports a line in time.
pub async fn until_watches_work<T>(cluster: Cluster, collection: Collection<T>) {
    loop {
        sleep(WATCH_RETRY_INTERVAL).await;
        if let Ok(version) = newest_version(&cluster, &collection).await
            && reports_in_time(&cluster, &collection, &version).await
        {
            return;
        }
    }
}

async fn reports_in_time<T>(cluster: &Cluster, collection: &Collection<T>, version: &str) -> bool {
    let opened = Instant::now();
    let Ok(mut lines) = open(cluster, collection, version).await else {
        return false;
    };
    let first = timeout(super::freshness::WATCH_IDLE_TIMEOUT, lines.next()).await;
    if !matches!(first, Ok(Ok(Some(_)))) {
        return false;
    }
    // The end follows at once if the line was held back.
    let second = timeout(HELD_BACK, lines.next()).await;
    let has_ended = !matches!(second, Err(_) | Ok(Ok(Some(_))));
    !has_ended && opened.elapsed() < super::freshness::WATCH_TIMEOUT
}
