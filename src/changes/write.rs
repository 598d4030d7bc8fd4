use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::order::{ChangePlan, ChangeResult, Order, PreflightReads, look};
use super::precondition::Precondition;
use crate::cluster::api::events::MoveEvent;
use crate::cluster::api::{apply, events, groups};
use crate::cluster::transport::backoff::Backoff;
use crate::cluster::{Cluster, Clusters, RequestError};
use crate::error::explain;
use crate::model::GroupId;
use crate::problem::Problem;
use crate::resource::{Change, Record};

/// Tries against others that write the same object, and against a server in trouble, until their time is over.
#[derive(Debug)]
pub struct WriteRetries {
    end: Instant,
    backoff: Backoff,
}

impl WriteRetries {
    pub fn within(time: Duration) -> Self {
        Self {
            end: Instant::now() + time,
            backoff: Backoff::default(),
        }
    }

    /// Whether another try may do better; waits until it is time for it.
    pub async fn again(&mut self, error: &RequestError) -> bool {
        let left = self.end.saturating_duration_since(Instant::now());
        if !may_do_better(error) || left.is_zero() {
            return false;
        }
        if !error.is_conflict() {
            sleep(self.backoff.next(error.retry_after()).min(left)).await;
        }
        true
    }
}

/// By whom, from when on, whether in earnest, and on which orders that were shown.
#[derive(Debug, Clone, Copy)]
pub struct WriteContext<'a> {
    pub by: &'a str,
    pub started: Timestamp,
    pub trial: bool,
    pub shown: Option<&'a Precondition>,
}

/// Writes a change. Where someone else was faster, the group is looked at anew and the order planned again.
pub async fn until_done(
    cluster: &Clusters,
    mut record: Record,
    mut change: Change,
    mut words: String,
    signed: WriteContext<'_>,
    order: &dyn Order,
) -> ChangeResult {
    let WriteContext {
        by,
        started,
        trial,
        shown,
    } = signed;
    let mut tries = WriteRetries::within(order.perseverance());
    let mut may_be_done = false;
    let failed = |record: &Record, problem: Problem, may_be_done: bool| {
        let doubtful = if may_be_done {
            vec![record.id()]
        } else {
            Vec::new()
        };
        ChangeResult::Failed(in_doubt(cluster, &doubtful, problem))
    };
    loop {
        let error = match apply::apply(cluster, &record, &change, trial).await {
            Ok(_) if trial => return ChangeResult::WouldChange(words),
            Ok(after) => {
                tell_of_move(cluster, &after, &change, by).await;
                return ChangeResult::Changed(words);
            }
            Err(error) => error,
        };
        if error.is_not_found() {
            return ChangeResult::Gone(gone(cluster, &record));
        }
        may_be_done |= !trial && error.may_be_done();
        if !tries.again(&error).await {
            return failed(&record, explain(cluster, &error), may_be_done);
        }
        let before = record.meta.resource_version.clone();
        record = match read_again(cluster, &record, &mut tries).await {
            Ok(found) => found,
            Err(ChangeResult::Failed(problem)) => return failed(&record, problem, may_be_done),
            Err(fate) => return fate,
        };
        if error.code() == Some(422) && record.meta.resource_version == before {
            return ChangeResult::Failed(explain(cluster, &error));
        }
        let seen = look(
            cluster,
            std::slice::from_ref(&record),
            by,
            started,
            PreflightReads::of(order),
        )
        .await;
        let Some(seen) = seen.first() else { continue };
        match order.plan(seen) {
            Ok(ChangePlan::Change {
                change: again,
                words: anew,
            }) => {
                if let Some(Err(refusal)) =
                    shown.map(|shown| shown.refuse_changed(cluster, &record))
                {
                    return ChangeResult::Refused(refusal);
                }
                (change, words) = (*again, anew);
            }
            // Another write, perhaps our own whose answer was lost, has already done it.
            Ok(ChangePlan::Unchanged(words)) => return ChangeResult::Unchanged(words),
            Err(refusal) => return ChangeResult::Refused(refusal),
        }
    }
}

/// The group as it is now.
///
/// # Errors
/// What has become of it where it can't be read, or is no group any more.
pub async fn read_again(
    cluster: &Cluster,
    record: &Record,
    tries: &mut WriteRetries,
) -> Result<Record, ChangeResult> {
    loop {
        match groups::get(
            cluster,
            record.kind,
            &record.meta.namespace,
            &record.meta.name,
        )
        .await
        {
            Ok(Some(found)) if found.is_controlled() => return Ok(found),
            Ok(_) => return Err(ChangeResult::Gone(gone(cluster, record))),
            Err(error) if tries.again(&error).await => {}
            Err(error) => return Err(ChangeResult::Failed(explain(cluster, &error))),
        }
    }
}

/// How many groups are named where it is not known whether they were changed.
const NAMED: usize = 20;

/// The same problem, with the groups of which it is not known whether a write was done.
pub fn in_doubt(cluster: &Cluster, groups: &[GroupId], problem: Problem) -> Problem {
    let Some(first) = groups.first() else {
        return problem;
    };
    let mut names: Vec<String> = groups.iter().take(NAMED).map(GroupId::short_name).collect();
    if groups.len() > NAMED {
        names.push(format!("{} more", groups.len() - NAMED));
    }
    let is_one_namespace = groups
        .iter()
        .all(|group| group.namespace == first.namespace);
    let shown = if is_one_namespace && groups.len() <= NAMED {
        names.join(" ")
    } else {
        String::new()
    };
    let place = if is_one_namespace {
        cluster.reach.for_plugin(&first.namespace)
    } else {
        cluster.reach.scoped(None)
    };
    let command = format!("kubectl failover status {shown} {place}");
    let command = command.split_whitespace().collect::<Vec<_>>().join(" ");
    problem.next(format!(
        "it is not known whether {} was changed; to see: {command}",
        names.join(", ")
    ))
}

pub fn gone(cluster: &Cluster, record: &Record) -> Problem {
    let namespace = &record.meta.namespace;
    Problem::new(format!(
        "there is no group {} any more",
        record.id().short_name()
    ))
    .next(format!(
        "it was deleted, or has lost its label; to see which there are: kubectl failover status {}",
        cluster.reach.for_plugin(namespace)
    ))
}

/// Writes an Event of the move, if traffic moved. Without one the move stands all the same.
async fn tell_of_move(cluster: &Cluster, after: &Record, change: &Change, by: &str) {
    let Some(last) = &change.last_move else {
        return;
    };
    let event = MoveEvent::new(after, last.at, &last.why, last.unverified).on_object(by);
    if let Err(cause) = events::publish(cluster, &after.meta.namespace, &event).await {
        tracing::debug!(%cause, "an Event was not written");
    }
}

/// A conflict, or trouble of the server's or the line's. A patch that the server takes amiss (422) may have met an
/// object that has changed.
pub fn may_do_better(error: &RequestError) -> bool {
    error
        .code()
        .is_none_or(|code| matches!(code, 409 | 422 | 429 | 500..))
}
