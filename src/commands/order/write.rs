use std::time::Duration;

use super::{Fate, Order, Plan, look};
use crate::cluster::backoff::Backoff;
use crate::cluster::{Cluster, RequestError, apply, events, groups};
use crate::error::{Problem, explain};
use crate::resource::{Change, Record};

/// How often a write is tried against others that write the same object, and against a server in trouble.
const MOST_TRIES: u32 = 10;

/// Writes a change. Where someone else was faster, the group is looked at anew and the order planned again.
pub async fn until_done(
    cluster: &Cluster,
    mut record: Record,
    mut change: Change,
    mut words: String,
    by: &str,
    trial: bool,
    order: &dyn Order,
) -> Fate {
    let mut backoff = Backoff::default();
    for attempt in 1.. {
        let error = match apply::apply(cluster, &record, &change, trial).await {
            Ok(_) if trial => return Fate::WouldChange(words),
            Ok(after) => {
                tell_of_move(cluster, &after, &change, by).await;
                return Fate::Changed(words);
            }
            Err(error) => error,
        };
        let last = attempt == MOST_TRIES;
        if last || !may_do_better(&error) {
            return Fate::Failed(explain(cluster, &error));
        }
        tokio::time::sleep(pause(&mut backoff, &error)).await;
        let found = groups::get(cluster, record.kind, &record.meta.namespace, &record.meta.name).await;
        record = match found {
            Ok(Some(found)) if found.is_controlled() => found,
            Ok(_) => return Fate::Failed(Problem::new("it has been deleted, or is no group any more")),
            Err(error) => return Fate::Failed(explain(cluster, &error)),
        };
        let seen = look(cluster, std::slice::from_ref(&record), by, order.fears_conflicts()).await;
        let Some(seen) = seen.first() else { continue };
        match order.plan(seen) {
            Ok(Plan::Change { change: again, words: anew }) => (change, words) = (*again, anew),
            // Another write, perhaps our own whose answer was lost, has already done it.
            Ok(Plan::Unchanged(words)) => return Fate::Unchanged(words),
            Err(refusal) => return Fate::Refused(refusal),
        }
    }
    Fate::Failed(Problem::new("it could not be written"))
}

/// Writes an Event of the move, if traffic moved. Without one the move stands all the same.
async fn tell_of_move(cluster: &Cluster, after: &Record, change: &Change, by: &str) {
    let Some(last) = &change.last_move else { return };
    let event = events::of_move(after, by, last.at, &last.why, last.unverified);
    if let Err(cause) = events::publish(cluster, &after.meta.namespace, &event).await {
        tracing::debug!(%cause, "an Event was not written");
    }
}

/// A conflict, or trouble of the server's or the line's. A patch that the server takes amiss (422) may have met an
/// object that has changed.
fn may_do_better(error: &RequestError) -> bool {
    error.code().is_none_or(|code| matches!(code, 409 | 422 | 429 | 500..))
}

fn pause(backoff: &mut Backoff, error: &RequestError) -> Duration {
    if error.is_conflict() { Duration::ZERO } else { backoff.next(error.retry_after()) }
}
