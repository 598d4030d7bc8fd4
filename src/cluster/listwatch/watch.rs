//! Lists a collection and follows its changes for as long as anyone listens.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};

use super::freshness::{WATCH_IDLE_TIMEOUT, WATCH_TIMEOUT};
use super::lines::LineReader;
use super::list::list;
use super::list_decoder::Envelope;
use crate::cluster::transport::backoff::Backoff;
use crate::cluster::transport::client::{Cluster, failure};
use crate::cluster::transport::error::{Cause, RequestError, StatusBody};
use crate::cluster::transport::path::{ApiResource, Selection, with_query};

/// A watch that ends sooner, and has told nothing, is no reason to try the next one at once.
const SHORTEST: Duration = Duration::from_secs(1);
/// How often a collection that the server does not know is asked for.
const ABSENT: Duration = Duration::from_secs(10);

/// Something that a list or a watch gives.
pub trait Versioned: Send + 'static {
    fn resource_version(&self) -> &str;
}

/// Reads an object; where not even the metadata can be read, the object is passed over.
type Decode<T> = dyn Fn(&RawValue) -> serde_json::Result<T> + Send + Sync;

/// A collection to follow.
pub struct Collection<T> {
    pub endpoint: ApiResource,
    /// None: the whole cluster.
    pub namespace: Option<String>,
    pub selection: Selection,
    decode: Arc<Decode<T>>,
}

impl<T> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self {
            endpoint: self.endpoint,
            namespace: self.namespace.clone(),
            selection: self.selection.clone(),
            decode: Arc::clone(&self.decode),
        }
    }
}

impl<T> std::fmt::Debug for Collection<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("path", &self.path())
            .field("selection", &self.selection)
            .finish()
    }
}

impl<T> Collection<T> {
    pub fn new(
        endpoint: ApiResource,
        namespace: Option<&str>,
        labels: impl Into<String>,
        decode: impl Fn(&RawValue) -> serde_json::Result<T> + Send + Sync + 'static,
    ) -> Self {
        Self {
            endpoint,
            namespace: namespace.map(str::to_owned),
            selection: Selection::labels(labels),
            decode: Arc::new(decode),
        }
    }

    /// The path of the collection, without a query.
    pub fn path(&self) -> String {
        self.endpoint.collection(self.namespace.as_deref())
    }

    pub(crate) fn decode(&self, raw: &RawValue) -> Option<T> {
        let read = (self.decode)(raw);
        read.inspect_err(
            |cause| tracing::warn!(%cause, "an object without readable metadata is passed over"),
        )
        .ok()
    }
}

#[derive(Debug)]
pub enum Event<T> {
    /// All there is; what was known before and is not listed is gone.
    Listed(Vec<T>),
    Applied(T),
    Deleted(T),
    /// Nothing changed, but the server is there.
    Alive,
    /// A list or a watch failed; it is tried again. "Not found" is what the list of a collection says that the server
    /// does not know: it has no objects.
    Failed(RequestError),
}

impl<T> Event<T> {
    pub fn failure(&self) -> Option<&RequestError> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// The collection is not known to the server.
    pub fn is_absent(&self) -> bool {
        self.failure().is_some_and(RequestError::is_not_found)
    }
}

#[derive(Deserialize)]
struct WatchLine<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// Lists and watches until `tell` answers false: nobody listens any more.
pub async fn follow<T, F>(
    cluster: Cluster,
    source: Collection<T>,
    mut tell: impl FnMut(Event<T>) -> F + Send,
) where
    T: Versioned,
    F: Future<Output = bool> + Send,
{
    let mut backoff = Backoff::default();
    loop {
        let mut version = match list(&cluster, &source).await {
            Ok((objects, version)) => {
                if !tell(Event::Listed(objects)).await {
                    return;
                }
                version
            }
            Err(error) => {
                let wait = pause(&mut backoff, &error);
                if !tell(Event::Failed(error)).await {
                    return;
                }
                tokio::time::sleep(wait).await;
                continue;
            }
        };
        loop {
            let mut watch = WatchRequest {
                cluster: &cluster,
                source: &source,
                heard: false,
            };
            let opened = Instant::now();
            let end = watch.run(&mut version, &mut tell).await;
            let served = watch.heard || opened.elapsed() >= SHORTEST;
            if served {
                backoff.reset();
            }
            match end {
                WatchEnd::Unheard => return,
                WatchEnd::Closed if served => {}
                WatchEnd::Expired if served => break,
                WatchEnd::Closed => tokio::time::sleep(backoff.next(None)).await,
                WatchEnd::Expired => {
                    tokio::time::sleep(backoff.next(None)).await;
                    break;
                }
                // Connections end; only where no new one does better is that worth telling.
                WatchEnd::Broken(_) if watch.heard => tokio::time::sleep(backoff.next(None)).await,
                WatchEnd::Broken(error) => {
                    let wait = pause(&mut backoff, &error);
                    if !tell(Event::Failed(error)).await {
                        return;
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }
}

/// How long to wait after a failure.
fn pause(backoff: &mut Backoff, error: &RequestError) -> Duration {
    if error.is_forbidden() {
        return backoff.next_refused();
    }
    backoff.next(
        error
            .retry_after()
            .or(error.is_not_found().then_some(ABSENT)),
    )
}

enum WatchEnd {
    /// The server closed it in good order.
    Closed,
    /// The version is too old, or the collection is no longer there: list again.
    Expired,
    Broken(RequestError),
    Unheard,
}

struct WatchRequest<'a, T> {
    cluster: &'a Cluster,
    source: &'a Collection<T>,
    /// Whether it gave anything at all.
    heard: bool,
}

impl<T: Versioned> WatchRequest<'_, T> {
    async fn run<F>(
        &mut self,
        version: &mut String,
        tell: &mut (impl FnMut(Event<T>) -> F + Send),
    ) -> WatchEnd
    where
        F: Future<Output = bool> + Send,
    {
        let path = self.source.path();
        let seconds = WATCH_TIMEOUT.as_secs().to_string();
        let query = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", &seconds),
            ("resourceVersion", version.as_str()),
            ("labelSelector", &self.source.selection.labels),
            ("fieldSelector", &self.source.selection.fields),
        ];
        let mut lines = match self.cluster.open(&with_query(&path, &query)).await {
            Ok(response) => LineReader::of(response.into_body()),
            Err(error) if error.is_gone() || error.is_not_found() => return WatchEnd::Expired,
            Err(error) => return WatchEnd::Broken(error),
        };
        if !tell(Event::Alive).await {
            return WatchEnd::Unheard;
        }
        loop {
            let line = match timeout(WATCH_IDLE_TIMEOUT, lines.next()).await {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => return WatchEnd::Closed,
                Ok(Err(how)) => return broken(&path, Cause::Unreachable { how }),
                Err(_) => {
                    let after = WATCH_IDLE_TIMEOUT;
                    return broken(&path, Cause::TimedOut { after });
                }
            };
            let event = match self.source.read(&path, &line, version) {
                Ok(event) => event,
                Err(end) => return end,
            };
            self.heard = true;
            if !tell(event).await {
                return WatchEnd::Unheard;
            }
        }
    }
}

impl<T: Versioned> Collection<T> {
    /// What a line of a watch tells; the version moves on with it.
    fn read(&self, path: &str, line: &[u8], version: &mut String) -> Result<Event<T>, WatchEnd> {
        let unreadable = |how: String| broken(path, Cause::Unreadable { how });
        let WatchLine { kind, object } =
            serde_json::from_slice(line).map_err(|cause| unreadable(cause.to_string()))?;
        match kind {
            "ADDED" | "MODIFIED" | "DELETED" => {
                let Some(decoded) = self.decode(object) else {
                    return Ok(Event::Alive);
                };
                decoded.resource_version().clone_into(version);
                Ok(if kind == "DELETED" {
                    Event::Deleted(decoded)
                } else {
                    Event::Applied(decoded)
                })
            }
            "BOOKMARK" => {
                let bookmark: Envelope = serde_json::from_str(object.get())
                    .map_err(|cause| unreadable(cause.to_string()))?;
                *version = bookmark.metadata.resource_version;
                Ok(Event::Alive)
            }
            "ERROR" => {
                let said: StatusBody = serde_json::from_str(object.get()).unwrap_or_default();
                let StatusBody {
                    code,
                    reason,
                    message,
                } = said;
                if code == 410 {
                    return Err(WatchEnd::Expired);
                }
                Err(broken(
                    path,
                    Cause::Status {
                        code,
                        reason,
                        message,
                        retry_after: None,
                    },
                ))
            }
            other => Err(unreadable(format!("a watch event of type {other:?}"))),
        }
    }
}

fn broken(path: &str, cause: Cause) -> WatchEnd {
    WatchEnd::Broken(failure(&Method::GET, path, cause))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cluster::listwatch::list_decoder::ListMeta;
    use crate::cluster::transport::path::ENDPOINT_SLICES;

    #[derive(Deserialize)]
    struct Object {
        metadata: ListMeta,
    }

    impl Versioned for Object {
        fn resource_version(&self) -> &str {
            &self.metadata.resource_version
        }
    }

    fn read(line: &[u8]) -> (Result<Event<Object>, WatchEnd>, String) {
        let source = Collection::new(ENDPOINT_SLICES, Some("ns"), "", |raw| {
            serde_json::from_str::<Object>(raw.get())
        });
        let mut version = "before".to_owned();
        (source.read("/path", line, &mut version), version)
    }

    fn line(kind: &str, version: &str) -> String {
        serde_json::json!({"type": kind, "object": {"metadata": {"resourceVersion": version}}})
            .to_string()
    }

    proptest! {
        #[test]
        fn bytes_that_are_no_event_end_a_watch_and_leave_the_version(bytes in any::<Vec<u8>>()) {
            let (event, version) = read(&bytes);
            prop_assert!(matches!(event, Err(WatchEnd::Broken(_))));
            prop_assert_eq!(version, "before");
        }

        #[test]
        fn a_line_that_was_cut_off_is_no_event(kind in "ADDED|MODIFIED|DELETED|BOOKMARK", cut in 0..40_usize) {
            let line = line(&kind, "7");
            let cut = cut.min(line.len() - 1);
            prop_assert!(read(&line.as_bytes()[..cut]).0.is_err());
        }

        #[test]
        fn what_is_told_moves_the_version_on(kind in "ADDED|MODIFIED|DELETED|BOOKMARK", version in "[0-9]{1,20}") {
            let (event, after) = read(line(&kind, &version).as_bytes());
            prop_assert!(event.is_ok());
            prop_assert_eq!(after, version);
        }

        #[test]
        fn errors_end_a_watch(code in any::<u16>(), message in any::<String>()) {
            let line = serde_json::json!({"type": "ERROR", "object": {"code": code, "message": message}});
            let (event, _) = read(line.to_string().as_bytes());
            prop_assert_eq!(matches!(event, Err(WatchEnd::Expired)), code == 410);
            prop_assert!(event.is_err());
        }
    }
}
