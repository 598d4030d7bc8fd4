//! Watches collections of remote clusters.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::clusters::Clusters;
use crate::cluster::listwatch::collection::{Collection, Versioned};
use crate::cluster::listwatch::watch;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::transport::error::RequestError;
use crate::model::WhyUnknown;

/// The delay before the next attempt to connect.
const RECONNECT_DELAY: Duration = Duration::from_secs(5);
/// After this time without a response, the address and the certificate authority are read again
/// too: the cluster may have been rebuilt.
const RECONNECT_AFTER_SILENCE: Duration = Duration::from_secs(10);

/// An event of a collection in a remote cluster.
#[derive(Debug)]
pub enum RemoteEvent<T> {
    Event(Event<T>),
    /// The cluster cannot be asked. The watch retries.
    NoAccess(WhyUnknown),
}

/// Follows a collection of a mirrored cluster until `handle` returns false. Reconnects if the
/// server rejects the credentials, or does not respond for some time.
pub async fn follow<T, F>(
    clusters: Clusters,
    name: String,
    collection: Collection<T>,
    mut handle: impl FnMut(RemoteEvent<T>) -> F + Send,
) where
    T: Versioned,
    F: Future<Output = bool> + Send,
{
    loop {
        let (cluster, connection) = match clusters.remote_connection(&name).await {
            Ok(connected) => connected,
            Err(why) => {
                if !handle(RemoteEvent::NoAccess(why)).await {
                    return;
                }
                sleep(RECONNECT_DELAY).await;
                continue;
            }
        };
        let receiver_is_gone = AtomicBool::new(false);
        let since = Instant::now();
        let mut failures = ConnectionFailures::default();
        watch::follow(cluster, collection.clone(), |event| {
            let must_reconnect = failures.must_reconnect(&event);
            let (handled, receiver_is_gone) =
                (handle(RemoteEvent::Event(event)), &receiver_is_gone);
            async move {
                let goes_on = handled.await;
                receiver_is_gone.store(!goes_on, Ordering::Relaxed);
                goes_on && !must_reconnect
            }
        })
        .await;
        if receiver_is_gone.into_inner() {
            return;
        }
        clusters.remotes().forget(&name, &connection);
        if since.elapsed() < RECONNECT_DELAY {
            sleep(RECONNECT_DELAY).await;
        }
    }
}

/// Since when a connection has had no response.
#[derive(Default)]
struct ConnectionFailures {
    since: Option<Instant>,
}

impl ConnectionFailures {
    fn must_reconnect<T>(&mut self, event: &Event<T>) -> bool {
        match event {
            Event::Failed(error) if error.code().is_none() => {
                let since = self.since.get_or_insert_with(Instant::now);
                since.elapsed() >= RECONNECT_AFTER_SILENCE
            }
            event => {
                self.since = None;
                event.failure().is_some_and(RequestError::is_unauthorized)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use tokio::time::advance;

    use super::*;
    use crate::cluster::transport::error::Cause;

    fn failed(cause: Cause) -> Event<()> {
        Event::Failed(RequestError::new(&Method::GET, "/x", cause))
    }

    fn no_answer() -> Event<()> {
        failed(Cause::unreachable("connection refused"))
    }

    fn answer(code: u16) -> Event<()> {
        failed(Cause::Status {
            code,
            reason: String::new(),
            message: String::new(),
            retry_after: None,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn refused_credentials_and_a_long_silence_cause_a_reconnect() {
        let mut failures = ConnectionFailures::default();
        assert!(!failures.must_reconnect(&no_answer()));
        advance(RECONNECT_AFTER_SILENCE / 2).await;
        assert!(!failures.must_reconnect(&no_answer()) && !failures.must_reconnect(&answer(500)));
        advance(RECONNECT_AFTER_SILENCE).await;
        assert!(
            !failures.must_reconnect(&no_answer()),
            "it has answered in the meantime"
        );
        advance(RECONNECT_AFTER_SILENCE).await;
        assert!(failures.must_reconnect(&no_answer()) && failures.must_reconnect(&answer(401)));
    }
}
