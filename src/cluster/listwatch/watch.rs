//! Lists a collection and follows its changes: the list-and-watch under every informer.
//!
//! kube-runtime's `watcher` is not used. It hides bookmarks and response headers, but both show
//! that the connection works: a watch that is silent for 30 s makes readiness unknown. It sets no
//! time limit on lists, drops Retry-After, and fails a whole list if one object cannot be decoded.

use std::pin::pin;
use std::time::Duration;

use http::Method;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::collection::{Collection, Versioned};
use super::freshness::{MAX_WATCH_DURATION, WATCH_IDLE_TIMEOUT, WATCH_TIMEOUT};
use super::list::list;
use super::open_watch::open;
use super::pacer::Pacer;
use super::page::newest_version;
use super::polling::{HELD_BACK, MAX_USELESS_WATCHES, poll_interval, until_watches_work};
use super::watch_event::{Event, LineError, decode_line};
use crate::cluster::transport::backoff::Backoff;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestError, RequestResult};
use crate::cluster::transport::store_history::is_older;

/// After a watch that ended sooner than this, the next attempt is delayed with backoff.
const MIN_WATCH_DURATION: Duration = Duration::from_secs(1);
/// A watch that ended sooner than this was not closed because its time was over.
const FULL_WATCH_DURATION: Duration = WATCH_TIMEOUT.saturating_sub(Duration::from_secs(1));
/// So many quiet watches in a row, 5 minutes, need no check of their own while other watches show
/// that the server is healthy.
const MAX_UNCHECKED_WATCHES: u32 = 15;
/// A list that takes longer is reported. The rest of [`FIRST_LIST_TIMEOUT`] must be long enough to
/// list each namespace instead.
///
/// [`FIRST_LIST_TIMEOUT`]: super::freshness::FIRST_LIST_TIMEOUT
const SLOW_LIST_AFTER: Duration = Duration::from_secs(3);
/// How often to list a collection that the server does not serve.
const ABSENT_RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Lists and watches until `handle` returns false because the receiver of the events is gone.
///
/// A watch goes on from the last version only after one that was open for its whole time. After
/// any other end, everything is listed again: the server may have been restored from a backup.
pub async fn follow<T, F>(
    cluster: Cluster,
    collection: Collection<T>,
    handle: impl FnMut(Event<T>) -> F + Send,
) where
    T: Versioned,
    F: Future<Output = bool> + Send,
{
    let mut follower = Follower {
        restores: cluster.store.restores(),
        cluster,
        collection,
        backoff: Backoff::default(),
        useless: 0,
        is_behind: false,
        unchecked: 0,
        was_refused: false,
        handle,
    };
    while follower.list_and_watch().await.is_ok() {}
}

/// The receiver of the events is gone.
struct ReceiverGone;

/// How a watch ended.
enum WatchEnd {
    /// It was open for its time, and reported lines.
    Served,
    /// It was open for its time, and reported nothing.
    Quiet,
    /// It reported nothing in time: no headers, an empty response, or all lines at its end.
    Useless,
    /// The version is too old, the collection is gone, the store was restored, or the server closed
    /// the watch before its time.
    ListAgain,
    /// The connection broke after lines had arrived.
    Broken,
    Failed(RequestError),
}

struct Follower<T, H> {
    cluster: Cluster,
    collection: Collection<T>,
    /// Changes when the store was restored.
    restores: watch::Receiver<u64>,
    backoff: Backoff,
    /// The number of useless watches in a row.
    useless: u32,
    /// The last watch was quiet, and the store has a newer version than the watch. The next one
    /// has to report at least a bookmark.
    is_behind: bool,
    /// The number of quiet watches in a row that were not checked.
    unchecked: u32,
    /// The last watch was refused, so the version may be out of date.
    was_refused: bool,
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
        self.restores.mark_unchanged();
        (self.is_behind, self.was_refused, self.unchecked) = (false, false, 0);
        match self.list().await? {
            Ok((objects, version)) => {
                self.send(Event::Listed(objects)).await?;
                self.watch_from(version).await
            }
            Err(error) => self.report(error).await,
        }
    }

    /// Lists everything. Reports once if that takes long although the server answers requests.
    async fn list(&mut self) -> Result<RequestResult<(Vec<T>, String)>, ReceiverGone> {
        let requested = self.cluster.page_size.next();
        let mut listing = pin!(list(&self.cluster, &self.collection));
        loop {
            if let Ok(listed) = timeout(SLOW_LIST_AFTER, &mut listing).await {
                return Ok(listed);
            }
            if self.cluster.page_size.has_answered_since(requested) {
                break;
            }
        }
        if (self.handle)(Event::SlowList).await {
            Ok(listing.await)
        } else {
            Err(ReceiverGone)
        }
    }

    /// Watches until everything has to be listed again.
    async fn watch_from(&mut self, mut version: String) -> Result<(), ReceiverGone> {
        loop {
            let started = Instant::now();
            let end = self.watch(&mut version).await?;
            let was_short = started.elapsed() < MIN_WATCH_DURATION;
            if !was_short {
                self.backoff.reset();
            }
            match &end {
                WatchEnd::Useless => self.useless += 1,
                WatchEnd::Failed(_) => {}
                _ => self.useless = 0,
            }
            match end {
                WatchEnd::Served => (self.is_behind, self.unchecked) = (false, 0),
                WatchEnd::Quiet if self.needs_no_check(&version, started) => self.unchecked += 1,
                WatchEnd::Quiet if self.confirm(&version).await? => self.unchecked = 0,
                WatchEnd::Quiet => return Ok(()),
                WatchEnd::Useless if self.useless >= MAX_USELESS_WATCHES => {
                    self.useless = 0;
                    return self.poll().await;
                }
                // It is refused again until a person acts, or the server has less to do.
                WatchEnd::Failed(error) if matches!(error.code(), Some(403 | 429)) => {
                    self.was_refused = true;
                    self.report(error).await?;
                }
                WatchEnd::Failed(error) => return self.report(error).await,
                WatchEnd::Broken => {
                    sleep(self.backoff.next(None)).await;
                    return Ok(());
                }
                WatchEnd::Useless | WatchEnd::ListAgain => {
                    if was_short {
                        sleep(self.backoff.next(None)).await;
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Opens one watch and reads it to its end. Each event advances the version.
    async fn watch(&mut self, version: &mut String) -> Result<WatchEnd, ReceiverGone> {
        let opened = Instant::now();
        let mut lines = match open(&self.cluster, &self.collection, version).await {
            Ok(_) if self.was_refused => return Ok(WatchEnd::ListAgain),
            Ok(lines) => lines,
            Err(error) if error.is_gone() || error.is_not_found() => {
                return Ok(WatchEnd::ListAgain);
            }
            // The list before it was answered.
            Err(error) if matches!(error.cause, Cause::TimedOut { .. }) => {
                return Ok(WatchEnd::Useless);
            }
            Err(error) => return Ok(WatchEnd::Failed(error)),
        };
        self.send(Event::Alive).await?;
        let store = self.cluster.store.before(self.collection.store_key());
        let (mut first_line, mut pacer) = (None, Pacer::default());
        loop {
            let line = tokio::select! {
                _ = self.restores.changed() => return Ok(WatchEnd::ListAgain),
                line = timeout(WATCH_IDLE_TIMEOUT, lines.next()) => line,
            };
            let line = match line {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => return Ok(closed(opened, first_line)),
                Ok(Err(cause)) => return Ok(self.broken(first_line, cause)),
                Err(_) => {
                    let after = WATCH_IDLE_TIMEOUT;
                    return Ok(self.broken(first_line, Cause::TimedOut { after }));
                }
            };
            match decode_line(&self.collection, &line, version) {
                Ok(event) => {
                    first_line.get_or_insert_with(Instant::now);
                    self.cluster.store.observe_line(&store, version);
                    self.send(event).await?;
                }
                Err(LineError::Expired) => return Ok(WatchEnd::ListAgain),
                Err(LineError::Restored) => {
                    self.cluster.store.restored();
                    return Ok(WatchEnd::ListAgain);
                }
                Err(LineError::Failed(cause)) => return Ok(self.broken(first_line, cause)),
            }
            pacer.decoded(line.len()).await;
            if opened.elapsed() > MAX_WATCH_DURATION {
                return Ok(WatchEnd::ListAgain);
            }
        }
    }

    /// A connection may break at any time. It is a failure only if nothing had arrived.
    fn broken(&self, first_line: Option<Instant>, cause: Cause) -> WatchEnd {
        let path = self.collection.path();
        match first_line {
            Some(_) => WatchEnd::Broken,
            None => WatchEnd::Failed(RequestError::new(&Method::GET, &path, cause)),
        }
    }

    /// Returns whether the next watch may go on from the version of a quiet one without a check,
    /// because of what other requests have shown meanwhile.
    fn needs_no_check(&self, version: &str, opened: Instant) -> bool {
        !self.is_behind
            && self.unchecked < MAX_UNCHECKED_WATCHES
            && self.cluster.store.is_healthy_since(opened, version)
    }

    /// Checks the version of a watch that was quiet, and returns whether the next one may go on
    /// from it. If the store was restored to an older version, a watch waits for the version
    /// without a word. A collection that does not change may be quiet too, unless the server has
    /// shown that its store has a newer version.
    async fn confirm(&mut self, version: &str) -> Result<bool, ReceiverGone> {
        match newest_version(&self.cluster, &self.collection).await {
            Ok(newest) => {
                self.send(Event::Alive).await?;
                let was_behind = std::mem::replace(&mut self.is_behind, newest != version);
                Ok(!was_behind && !is_older(&newest, version))
            }
            Err(error) => self.report(error).await.map(|()| false),
        }
    }

    /// Lists every few seconds, until watches work.
    async fn poll(&mut self) -> Result<(), ReceiverGone> {
        self.cluster.warn_of_polling();
        let watches_work = until_watches_work(self.cluster.clone(), self.collection.clone());
        tokio::pin!(watches_work);
        let mut interval = Duration::ZERO;
        loop {
            let listing = async {
                sleep(interval).await;
                let started = Instant::now();
                let listed = list(&self.cluster, &self.collection).await;
                (listed, started.elapsed())
            };
            let (listed, took) = tokio::select! {
                () = &mut watches_work => return Ok(()),
                listed = listing => listed,
            };
            interval = poll_interval(took);
            match listed {
                Ok((objects, _)) => {
                    self.backoff.reset();
                    self.send(Event::Listed(objects)).await?;
                }
                Err(error) => self.report(error).await?,
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

/// Returns how a watch ended that the server closed.
fn closed(opened: Instant, first_line: Option<Instant>) -> WatchEnd {
    let is_full = opened.elapsed() >= FULL_WATCH_DURATION;
    match first_line {
        None if opened.elapsed() < MIN_WATCH_DURATION => WatchEnd::Useless,
        _ if !is_full => WatchEnd::ListAgain,
        None => WatchEnd::Quiet,
        Some(first) if first.elapsed() < HELD_BACK => WatchEnd::Useless,
        Some(_) => WatchEnd::Served,
    }
}
