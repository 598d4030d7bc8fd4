//! `failback --when-ready`: waits, as endpoints change, until an order is no longer refused.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::order::{ChangeOutcome, Order, roles};
use super::preflight::{PreflightReads, preflight};
use super::retry::is_retriable;
use super::write::read_now;
use crate::cluster::api::endpoint_slices;
use crate::cluster::listwatch::watch;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::{Cluster, Clusters, RequestError, RequestResult};
use crate::error::explain;
use crate::model::fold::{GroupText, MAX_SINGLE_GROUPS, fold_texts};
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::readiness::backends::backends_of;
use crate::resource::Record;
use crate::text::clean;

/// How often to read the groups again: someone may change their thresholds.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// How often to read remote clusters, and a cluster that could not be read.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Stands for no limit. Every clock can add it without an overflow.
const UNLIMITED: Duration = Duration::from_secs(365 * 24 * 3600);

/// How a wait has ended.
pub struct ReadyWait {
    /// The groups as they are now.
    pub records: Vec<Record>,
    /// The outcomes of groups that no longer exist.
    pub gone: Vec<ChangeOutcome>,
    pub all_ready: bool,
}

/// Waits until no group refuses the order, or until the limit passes and some groups are ready.
/// `context` is named in the messages.
///
/// # Errors
/// Exit 3 if the limit passes before any group is ready. An error if the cluster cannot be read.
pub async fn wait_ready(
    cluster: &Clusters,
    records: Vec<Record>,
    limit: Option<Duration>,
    order: &dyn Order,
    streams: &Streams,
    context: Option<&str>,
) -> anyhow::Result<ReadyWait> {
    let deadline = Instant::now() + limit.unwrap_or(UNLIMITED);
    let (_watches, mut changes) = watch_slices(cluster, &records);
    let mut said = String::new();
    loop {
        let mut interval = if cluster.remotes().is_empty() {
            REFRESH_INTERVAL
        } else {
            POLL_INTERVAL
        };
        let (waiting, some_ready) = match read(cluster, &records).await {
            Ok((records, gone)) => {
                let refusals = refusals(cluster, &records, order).await;
                let wait = ReadyWait {
                    all_ready: refusals.is_empty(),
                    records,
                    gone,
                };
                if wait.all_ready {
                    return Ok(wait);
                }
                let some_ready = refusals.len() < wait.records.len();
                (in_one_line(refusals), some_ready.then_some(wait))
            }
            Err(error) if is_retriable(&error) => {
                interval = POLL_INTERVAL;
                (explain(cluster, &error).message, None)
            }
            Err(error) => return Err(explain(cluster, &error).into()),
        };
        let waiting = match context {
            Some(context) => clean(&format!("context {context}: {waiting}")),
            None => clean(&waiting),
        };
        if waiting != said {
            streams.say(&format!("waiting: {waiting}"));
            said = waiting;
        }
        match timeout_at(deadline.min(Instant::now() + interval), changes.recv()).await {
            Ok(Some(Err(error))) => return Err(explain(cluster, &error).into()),
            Err(_) if Instant::now() >= deadline => {
                return some_ready.ok_or_else(|| {
                    Problem::not_met(format!("not ready in time: {said}"))
                        .next("nothing was changed")
                        .into()
                });
            }
            _ => {}
        }
    }
}

/// Reads the groups as they are now. Also returns the outcomes of those that no longer exist.
async fn read(
    cluster: &Cluster,
    records: &[Record],
) -> RequestResult<(Vec<Record>, Vec<ChangeOutcome>)> {
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    for record in records {
        match read_now(cluster, record).await? {
            Ok(record) => found.push(record),
            Err(gone) => lost.push(ChangeOutcome::of(record, gone)),
        }
    }
    Ok((found, lost))
}

/// The refusals that may pass.
async fn refusals(cluster: &Clusters, records: &[Record], order: &dyn Order) -> Vec<GroupText> {
    let now = cluster.clock().now();
    let seen = preflight(cluster, records, "", now, PreflightReads::default()).await;
    let refused = records.iter().zip(&seen).filter_map(|(record, seen)| {
        let refusal = order.plan(seen).err().filter(|refusal| refusal.may_pass)?;
        Some(GroupText {
            id: record.id(),
            roles: roles(record),
            text: refusal.reason,
        })
    });
    refused.collect()
}

/// Says what is waited for, in one line.
fn in_one_line(refused: Vec<GroupText>) -> String {
    let texts = fold_texts(refused, MAX_SINGLE_GROUPS).into_iter();
    let texts = texts.map(|it| format!("{}: {}", it.subject, it.text));
    texts.collect::<Vec<_>>().join("; ")
}

type SliceChange = Result<(), RequestError>;

/// Watches the slices of the groups' backends. Sends a message on each change, and if a watch is
/// forbidden.
fn watch_slices(
    cluster: &Cluster,
    records: &[Record],
) -> (JoinSet<()>, mpsc::Receiver<SliceChange>) {
    let (sender, changes) = mpsc::channel(1);
    let mut watches = JoinSet::new();
    for (namespace, names) in backends_of(records) {
        let sender = sender.clone();
        let source = endpoint_slices::collection(&namespace, Some(&names));
        watches.spawn(watch::follow(cluster.clone(), source, move |event| {
            let sender = sender.clone();
            async move {
                match event {
                    Event::Failed(error) if error.is_forbidden() => {
                        let _ = sender.send(Err(error)).await;
                    }
                    Event::Alive | Event::SlowList | Event::Failed(_) => {}
                    // One queued message is enough to read again.
                    Event::Listed(_) | Event::Applied(_) | Event::Deleted(_) => {
                        let _ = sender.try_send(Ok(()));
                    }
                }
                !sender.is_closed()
            }
        }));
    }
    (watches, changes)
}
