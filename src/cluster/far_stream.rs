//! Follows what is in other clusters, for as long as anyone listens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::client::Cluster;
use super::stream::{self, Event, Source, Versioned};
use crate::model::WhyUnknown;

/// How long to wait before credentials are looked for again.
const RETRY: Duration = Duration::from_secs(5);

/// What following a collection of another cluster tells.
#[derive(Debug)]
pub enum Heard<T> {
    Event(Event<T>),
    /// The cluster can't be asked; it is tried again.
    NoAccess(WhyUnknown),
}

/// Follows a collection of one of the clusters that are mirrored. Where its credentials are no longer taken, others
/// are looked for.
pub async fn follow<T, F>(
    local: Cluster,
    name: String,
    source: Source<T>,
    mut tell: impl FnMut(Heard<T>) -> F + Send,
) where
    T: Versioned,
    F: Future<Output = bool> + Send,
{
    loop {
        let (cluster, connection) = match local.remote_connection(&name).await {
            Ok(connected) => connected,
            Err(why) => {
                if !tell(Heard::NoAccess(why)).await {
                    return;
                }
                sleep(RETRY).await;
                continue;
            }
        };
        let unheard = AtomicBool::new(false);
        let since = Instant::now();
        stream::follow(cluster, source.clone(), |event| {
            let rejected = matches!(&event, Event::Failed(error) if error.code() == Some(401));
            let (told, unheard) = (tell(Heard::Event(event)), &unheard);
            async move {
                let listens = told.await;
                unheard.store(!listens, Ordering::Relaxed);
                listens && !rejected
            }
        })
        .await;
        if unheard.into_inner() {
            return;
        }
        local.remotes.forget(&name, &connection);
        if since.elapsed() < RETRY {
            sleep(RETRY).await;
        }
    }
}
