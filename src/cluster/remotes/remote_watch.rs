//! Follows what is in other clusters, for as long as anyone listens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::clusters::Clusters;
use crate::cluster::listwatch::watch;
use crate::cluster::listwatch::watch::{Collection, Event, Versioned};
use crate::model::WhyUnknown;

/// How long to wait before credentials are looked for again.
const RETRY: Duration = Duration::from_secs(5);
/// After this long without any answer, the address and the authority are looked for again too: the cluster may have
/// been built anew.
const LOST: Duration = Duration::from_secs(10);

/// What following a collection of another cluster tells.
#[derive(Debug)]
pub enum RemoteEvent<T> {
    Event(Event<T>),
    /// The cluster can't be asked; it is tried again.
    NoAccess(WhyUnknown),
}

/// Follows a collection of one of the clusters that are mirrored. Where its credentials are no longer taken, or nothing
/// answers where they lead, others are looked for.
pub async fn follow<T, F>(
    clusters: Clusters,
    name: String,
    source: Collection<T>,
    mut tell: impl FnMut(RemoteEvent<T>) -> F + Send,
) where
    T: Versioned,
    F: Future<Output = bool> + Send,
{
    loop {
        let (cluster, connection) = match clusters.remote_connection(&name).await {
            Ok(connected) => connected,
            Err(why) => {
                if !tell(RemoteEvent::NoAccess(why)).await {
                    return;
                }
                sleep(RETRY).await;
                continue;
            }
        };
        let unheard = AtomicBool::new(false);
        let since = Instant::now();
        let mut silence = Silence::default();
        watch::follow(cluster, source.clone(), |event| {
            let is_in_vain = silence.is_in_vain(&event);
            let (told, unheard) = (tell(RemoteEvent::Event(event)), &unheard);
            async move {
                let listens = told.await;
                unheard.store(!listens, Ordering::Relaxed);
                listens && !is_in_vain
            }
        })
        .await;
        if unheard.into_inner() {
            return;
        }
        clusters.remotes().forget(&name, &connection);
        if since.elapsed() < RETRY {
            sleep(RETRY).await;
        }
    }
}

/// Since when nothing has answered.
#[derive(Default)]
struct Silence(Option<Instant>);

impl Silence {
    /// Whether it is in vain to go on with what leads to the cluster now.
    fn is_in_vain<T>(&mut self, event: &Event<T>) -> bool {
        match event {
            Event::Failed(error) if error.code().is_none() => {
                self.0.get_or_insert_with(Instant::now).elapsed() >= LOST
            }
            event => {
                self.0 = None;
                event
                    .failure()
                    .is_some_and(|error| error.code() == Some(401))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use tokio::time::advance;

    use super::*;
    use crate::cluster::transport::client::failure;
    use crate::cluster::transport::error::Cause;

    fn failed(cause: Cause) -> Event<()> {
        Event::Failed(failure(&Method::GET, "/x", cause))
    }

    fn no_answer() -> Event<()> {
        failed(Cause::Unreachable {
            how: "connection refused".into(),
        })
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
    async fn what_leads_to_a_cluster_is_in_vain_when_it_is_refused_or_nothing_has_answered_for_long()
     {
        let mut silence = Silence::default();
        assert!(!silence.is_in_vain(&no_answer()));
        advance(LOST / 2).await;
        assert!(!silence.is_in_vain(&no_answer()) && !silence.is_in_vain(&answer(500)));
        advance(LOST).await;
        assert!(
            !silence.is_in_vain(&no_answer()),
            "it has answered meanwhile"
        );
        advance(LOST).await;
        assert!(silence.is_in_vain(&no_answer()) && silence.is_in_vain(&answer(401)));
    }
}
