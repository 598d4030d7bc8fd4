//! Waits until groups can go home.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::failback::Failback;
use super::order::{Order as _, Refusal, look};
use super::selection;
use crate::cluster::stream::{self, Event};
use crate::cluster::{Cluster, readiness, slices};
use crate::error::Problem;
use crate::resource::Record;
use crate::view::text::clean;

/// Waits until no group's failback would be refused, as the slices of its backends change; gives the groups as they
/// are then.
///
/// # Errors
/// Exit 3 where `limit` is over before.
pub async fn wait(
    cluster: &Cluster,
    records: Vec<Record>,
    limit: Option<Duration>,
    failback: &Failback,
) -> anyhow::Result<Vec<Record>> {
    const AN_AGE: Duration = Duration::from_secs(365 * 24 * 3600);
    let deadline = Instant::now() + limit.unwrap_or(AN_AGE);
    let (_watches, mut changes) = follow(cluster, &records);
    let mut said = String::new();
    loop {
        let now = selection::reread(cluster, &records).await?;
        let seen = look(cluster, &now, "", false).await;
        let refusals: Vec<String> = now
            .iter()
            .zip(&seen)
            .filter_map(|(record, seen)| {
                let refused = failback.plan(seen).err().filter(Refusal::may_pass)?;
                Some(format!("{}: {}", record.id(), refused.reason))
            })
            .collect();
        if refusals.is_empty() {
            return Ok(now);
        }
        let waiting = clean(&refusals.join("; "));
        if waiting != said {
            eprintln!("waiting: {waiting}");
            said = waiting;
        }
        if timeout_at(deadline, changes.recv()).await.is_err() {
            // Those that are ready need not wait for the others, which are refused each by itself.
            if refusals.len() < now.len() {
                return Ok(now);
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
