//! Waits until groups can go home.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::order::{
    ChangeOutcome, ChangeResult, Order as _, PreflightReads, gone, look, may_do_better,
};
use crate::cluster::api::{endpoint_slices, groups};
use crate::cluster::listwatch::watch;
use crate::cluster::listwatch::watch::Event;
use crate::cluster::{Cluster, Clusters, RequestError, RequestResult};
use crate::commands::failback::FailbackOrder;
use crate::error::explain;
use crate::output::terminal::say;
use crate::problem::Problem;
use crate::readiness::backends::backends_of;
use crate::resource::Record;
use crate::text::clean;

/// How often the groups are read again: others may change what is enough.
const READ_AGAIN: Duration = Duration::from_secs(30);
/// How often other clusters are asked how ready their services are, and a cluster that could not be read is.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// How a wait has ended.
pub struct ReadyWait {
    /// The groups as they are now.
    pub records: Vec<Record>,
    /// What has become of those that are none any more.
    pub gone: Vec<ChangeOutcome>,
    pub all_ready: bool,
}

/// Waits until no group's failback would be refused, as the slices of its backends change. Where `limit` is over
/// before, those that are ready need not wait for others.
///
/// # Errors
/// Exit 3 where `limit` is over before any is ready. Where the cluster may not be read or watched.
pub async fn wait(
    cluster: &Clusters,
    records: Vec<Record>,
    limit: Option<Duration>,
    failback: &FailbackOrder,
) -> anyhow::Result<ReadyWait> {
    const AN_AGE: Duration = Duration::from_secs(365 * 24 * 3600);
    let deadline = Instant::now() + limit.unwrap_or(AN_AGE);
    let (_watches, mut changes) = follow(cluster, &records);
    let mut said = String::new();
    loop {
        let mut again = if cluster.remotes().is_empty() {
            READ_AGAIN
        } else {
            ASK_AGAIN
        };
        let (waiting, late) = match read(cluster, &records).await {
            Ok((now, gone)) => {
                let refusals = refusals(cluster, &now, failback).await;
                if refusals.is_empty() {
                    return Ok(ReadyWait {
                        records: now,
                        gone,
                        all_ready: true,
                    });
                }
                let some_are_ready = refusals.len() < now.len();
                let late = some_are_ready.then_some(ReadyWait {
                    records: now,
                    gone,
                    all_ready: false,
                });
                (refusals.join("; "), late)
            }
            Err(error) if may_do_better(&error) => {
                again = ASK_AGAIN;
                (explain(cluster, &error).message, None)
            }
            Err(error) => return Err(explain(cluster, &error).into()),
        };
        let waiting = clean(&waiting);
        if waiting != said {
            say(&format!("waiting: {waiting}"));
            said = waiting;
        }
        match timeout_at(deadline.min(Instant::now() + again), changes.recv()).await {
            Ok(Some(Err(error))) => return Err(explain(cluster, &error).into()),
            Err(_) if Instant::now() >= deadline => {
                let problem = || {
                    Problem::not_met(format!("not ready in time: {said}"))
                        .next("nothing was changed")
                };
                return late.ok_or_else(|| problem().into());
            }
            _ => {}
        }
    }
}

/// The groups as they are now, and what has become of those that are none any more.
async fn read(
    cluster: &Cluster,
    records: &[Record],
) -> RequestResult<(Vec<Record>, Vec<ChangeOutcome>)> {
    let (mut there, mut lost) = (Vec::new(), Vec::new());
    for record in records {
        match groups::get(
            cluster,
            record.kind,
            &record.meta.namespace,
            &record.meta.name,
        )
        .await?
        {
            Some(found) if found.is_controlled() => there.push(found),
            _ => lost.push(ChangeOutcome {
                id: record.id(),
                fate: ChangeResult::Gone(gone(cluster, record)),
                now: None,
            }),
        }
    }
    Ok((there, lost))
}

/// Why groups can't go home yet.
async fn refusals(cluster: &Clusters, records: &[Record], failback: &FailbackOrder) -> Vec<String> {
    let seen = look(
        cluster,
        records,
        "",
        cluster.clock().now(),
        PreflightReads::default(),
    )
    .await;
    let refused = records.iter().zip(&seen).filter_map(|(record, seen)| {
        let refused = failback
            .plan(seen)
            .err()
            .filter(|refusal| refusal.may_pass)?;
        Some(format!("{}: {}", record.id(), refused.reason))
    });
    refused.collect()
}

/// Watches the slices of the groups' backends; each change is a message, and that they may not be watched.
fn follow(
    cluster: &Cluster,
    records: &[Record],
) -> (JoinSet<()>, mpsc::Receiver<Result<(), RequestError>>) {
    let (tell, changes) = mpsc::channel(1);
    let mut watches = JoinSet::new();
    for (namespace, names) in backends_of(records) {
        let tell = tell.clone();
        let source = endpoint_slices::source(&namespace, Some(&names));
        watches.spawn(watch::follow(cluster.clone(), source, move |event| {
            let tell = tell.clone();
            async move {
                match event {
                    Event::Failed(error) if error.is_forbidden() => {
                        let _ = tell.send(Err(error)).await;
                    }
                    Event::Alive | Event::Failed(_) => {}
                    // One message that waits is enough to look again.
                    Event::Listed(_) | Event::Applied(_) | Event::Deleted(_) => {
                        let _ = tell.try_send(Ok(()));
                    }
                }
                !tell.is_closed()
            }
        }));
    }
    (watches, changes)
}
