//! Lists a collection and follows its changes: the list-and-watch under every informer.
//!
//! kube-runtime's `watcher` is not used. It hides bookmarks and response headers, but both show
//! that the connection works: a watch that is silent for 30 s makes readiness unknown. It sets no
//! time limit on lists, drops Retry-After, and fails a whole list if one object cannot be decoded.

use std::time::Duration;

use http::Method;
use kube::api::WatchParams;
use tokio::time::{Instant, sleep, timeout};

use super::collection::{Collection, Versioned};
use super::freshness::{WATCH_IDLE_TIMEOUT, WATCH_TIMEOUT};
use super::lines::LineReader;
use super::list::list;
use super::watch_event::{Event, LineError, decode_line};
use crate::cluster::transport::backoff::Backoff;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestError, RequestResult};

/// A watch that ends sooner than this without an event is reopened with backoff.
const MIN_WATCH_DURATION: Duration = Duration::from_secs(1);
/// How often to list a collection that the server does not serve.
const ABSENT_RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Lists and watches until `handle` returns false because the receiver of the events is gone.
pub async fn follow<T, F>(
    cluster: Cluster,
    collection: Collection<T>,
    handle: impl FnMut(Event<T>) -> F + Send,
) where
    T: Versioned,
    F: Future<Output = bool> + Send,
{
    let mut follower = Follower {
        cluster,
        collection,
        backoff: Backoff::default(),
        handle,
    };
    while follower.list_and_watch().await.is_ok() {}
}

/// The receiver of the events is gone.
struct ReceiverGone;

/// How a watch ended.
enum WatchEnd {
    /// The server closed it normally.
    Closed,
    /// The version is too old, or the collection is gone. List again.
    Expired,
    Failed(RequestError),
}

struct Follower<T, H> {
    cluster: Cluster,
    collection: Collection<T>,
    backoff: Backoff,
    handle: H,
}

impl<T, F, H> Follower<T, H>
where
    T: Versioned,
    F: Future<Output = bool> + Send,
    H: FnMut(Event<T>) -> F + Send,
{
    async fn send(&mut self, event: Event<T>) -> Result<(), ReceiverGone> {
        if (self.handle)(event).await {
            Ok(())
        } else {
            Err(ReceiverGone)
        }
    }

    async fn list_and_watch(&mut self) -> Result<(), ReceiverGone> {
        match list(&self.cluster, &self.collection).await {
            Ok((objects, version)) => {
                self.send(Event::Listed(objects)).await?;
                self.watch_until_expired(version).await
            }
            Err(error) => self.report(error).await,
        }
    }

    async fn watch_until_expired(&mut self, mut version: String) -> Result<(), ReceiverGone> {
        loop {
            let opened = Instant::now();
            let mut had_events = false;
            let end = self.watch(&mut version, &mut had_events).await?;
            let was_served = had_events || opened.elapsed() >= MIN_WATCH_DURATION;
            if was_served {
                self.backoff.reset();
            }
            match end {
                // A connection may break at any time. It is a failure only if the next one breaks
                // too.
                WatchEnd::Failed(error) if !had_events => {
                    self.report(error).await?;
                    continue;
                }
                WatchEnd::Closed | WatchEnd::Expired if was_served => {}
                _ => sleep(self.backoff.next(None)).await,
            }
            if matches!(end, WatchEnd::Expired) {
                return Ok(());
            }
        }
    }

    /// Opens one watch and reads it to its end. Each event advances the version.
    async fn watch(
        &mut self,
        version: &mut String,
        had_events: &mut bool,
    ) -> Result<WatchEnd, ReceiverGone> {
        let path = self.collection.path();
        let failed = |cause| WatchEnd::Failed(RequestError::new(&Method::GET, &path, cause));
        let mut lines = match open(&self.cluster, &self.collection, version).await {
            Ok(lines) => lines,
            Err(error) if error.is_gone() || error.is_not_found() => return Ok(WatchEnd::Expired),
            Err(error) => return Ok(WatchEnd::Failed(error)),
        };
        self.send(Event::Alive).await?;
        loop {
            let line = match timeout(WATCH_IDLE_TIMEOUT, lines.next()).await {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => return Ok(WatchEnd::Closed),
                Ok(Err(cause)) => return Ok(failed(cause)),
                Err(_) => {
                    return Ok(failed(Cause::TimedOut {
                        after: WATCH_IDLE_TIMEOUT,
                    }));
                }
            };
            match decode_line(&self.collection, &line, version) {
                Ok(event) => {
                    *had_events = true;
                    self.send(event).await?;
                }
                Err(LineError::Expired) => return Ok(WatchEnd::Expired),
                Err(LineError::Failed(cause)) => return Ok(failed(cause)),
            }
        }
    }

    /// Reports a failure, and waits before the next attempt.
    async fn report(&mut self, error: RequestError) -> Result<(), ReceiverGone> {
        let delay = if error.is_forbidden() {
            self.backoff.next_refused()
        } else {
            let absent = error.is_not_found().then_some(ABSENT_RETRY_INTERVAL);
            self.backoff.next(error.retry_after().or(absent))
        };
        self.send(Event::Failed(error)).await?;
        sleep(delay).await;
        Ok(())
    }
}

async fn open<T>(
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
    let response = cluster.open(&collection.path(), request).await?;
    Ok(LineReader::new(response.into_body()))
}
