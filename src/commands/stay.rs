//! Stays with a force that has an end, and ends it: when its time is over, or on Ctrl-C.

use std::time::Duration;

use jiff::Timestamp;

use super::order::{self, Order, Plan, Refusal, Seen};
use crate::cli::{ChangeArgs, DryRun, RemoteArgs, StreamFormat};
use crate::cluster::Cluster;
use crate::error::{Exit, Problem};
use crate::model::{Timers, decide};
use crate::resource::{Change, Record};
use crate::sandbox::interrupt::Interrupts;
use crate::view::text::clean;

/// When to end overrides, and how to tell of it.
pub struct End {
    pub until: Timestamp,
    pub limit: Option<Duration>,
    pub interrupts: Interrupts,
    pub output: StreamFormat,
}

/// Waits until then by the API server's clock, or for a signal, and ends the overrides of these groups.
///
/// # Errors
/// Exit 3 where the limit is over before: the overrides go on.
pub async fn until_over(cluster: &Cluster, records: &[Record], end: End) -> anyhow::Result<Exit> {
    let End { until, limit, mut interrupts, output } = end;
    let names: Vec<&str> = records.iter().map(|record| record.meta.name.as_str()).collect();
    let names = clean(&names.join(" "));
    eprintln!("staying until {until:.0} to end it; Ctrl-C ends it at once: {names}");
    let left = Duration::try_from(until.duration_since(cluster.clock().now())).unwrap_or_default();
    let limit = limit.filter(|limit| *limit < left);
    tokio::select! {
        () = tokio::time::sleep(left) => {}
        () = tokio::time::sleep(limit.unwrap_or_default()), if limit.is_some() => {
            let namespace = records.first().map_or("NAMESPACE", |record| &record.meta.namespace);
            let place = cluster.reach.for_plugin(namespace);
            return Err(Problem::not_met(format!("the override goes on until {until:.0}"))
                .next(format!("a loop ends it then, or: kubectl failover failback {names} {place}"))
                .into());
        }
        _ = interrupts.next() => {}
    }
    let records = super::selection::reread(cluster, records).await?;
    let args = ChangeArgs { dry_run: DryRun::None, yes: true, output, remotes: RemoteArgs::default() };
    Ok(order::carry_out(cluster, records, &args, false, &Ending { until }).await?.exit)
}

/// Ends an override as the loop does when its time is over.
struct Ending {
    until: Timestamp,
}

impl Order for Ending {
    fn name(&self) -> &'static str {
        "force"
    }

    fn plan(&self, seen: &Seen) -> Result<Plan, Refusal> {
        let mut group = seen.valid()?.clone();
        let standing =
            group.override_in_force(seen.now).or(group.override_to_end(seen.now).map(|(order, _)| order));
        if standing.is_none_or(|order| order.until != Some(self.until)) {
            return Ok(Plan::Unchanged("the override has been ended or changed meanwhile".to_owned()));
        }
        group.expire(seen.now);
        let decision = decide(&group, &seen.readiness, &Timers::none(), seen.now);
        if decision.notes.end_override.is_none() {
            return Err(Refusal {
                danger: None,
                may_pass: false,
                reason: format!("the override stays: {}", decision.reason),
                next: format!(
                    "to end it by hand: kubectl failover failback {} {}",
                    group.id.short_name(),
                    seen.place
                ),
            });
        }
        let change = Change::of(&group, &decision, &seen.by, seen.now).map_err(|_| Refusal::unwritable())?;
        Ok(Plan::Change { change: Box::new(change), words: "the override is ended".to_owned() })
    }
}
