//! Waits until groups can go home.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::failback::Failback;
use super::order::{Looks, Order as _, look};
use super::selection;
use crate::cluster::stream::{self, Event};
use crate::cluster::{Cluster, readiness, slices};
use crate::error::Problem;
use crate::resource::Record;
use crate::view::text::clean;

/// How often other clusters are asked how ready their services are.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Waits until no group's failback would be refused, as the slices of its backends change; gives the groups as they
/// are then, and whether all are ready. Where `limit` is over before, those that are ready need not wait for others.
///
/// # Errors
/// Exit 3 where `limit` is over before any is ready.
pub async fn wait(
    cluster: &Cluster,
    records: Vec<Record>,
    limit: Option<Duration>,
    failback: &Failback,
) -> anyhow::Result<(Vec<Record>, bool)> {
    const AN_AGE: Duration = Duration::from_secs(365 * 24 * 3600);
    let deadline = Instant::now() + limit.unwrap_or(AN_AGE);
    let (_watches, mut changes) = follow(cluster, &records);
    let mut said = String::new();
    loop {
        let now = selection::reread(cluster, &records).await?;
        let seen = look(cluster, &now, "", cluster.clock().now(), Looks::default()).await;
        let refusals: Vec<String> = now
            .iter()
            .zip(&seen)
            .filter_map(|(record, seen)| {
                let refused = failback.plan(seen).err().filter(|refusal| refusal.may_pass)?;
                Some(format!("{}: {}", record.id(), refused.reason))
            })
            .collect();
        if refusals.is_empty() {
            return Ok((now, true));
        }
        let waiting = clean(&refusals.join("; "));
        if waiting != said {
            eprintln!("waiting: {waiting}");
            said = waiting;
        }
        // What other clusters say is not followed: it is asked for again.
        let again =
            if cluster.remotes().is_empty() { deadline } else { deadline.min(Instant::now() + ASK_AGAIN) };
        if timeout_at(again, changes.recv()).await.is_err() && Instant::now() >= deadline {
            if refusals.len() < now.len() {
                return Ok((now, false));
            }
            return Err(Problem::not_met(format!("not ready in time: {said}"))
                .next("nothing was changed")
                .into());
        }
        while changes.try_recv().is_ok() {}
    }
}

/// Watches the slices of the groups' backends; each change is a message.
fn follow(cluster: &Cluster, records: &[Record]) -> (JoinSet<()>, mpsc::Receiver<()>) {
    let (tell, changes) = mpsc::channel(1);
    let mut watches = JoinSet::new();
    for (namespace, names) in readiness::backends_of(records) {
        let tell = tell.clone();
        let source = slices::source(&namespace, Some(&names));
        watches.spawn(stream::follow(cluster.clone(), source, move |event| {
            let news = !matches!(event, Event::Alive | Event::Failed(_));
            if news {
                // One message that waits is enough to look again.
                let _ = tell.try_send(());
            }
            std::future::ready(!tell.is_closed())
        }));
    }
    (watches, changes)
}
