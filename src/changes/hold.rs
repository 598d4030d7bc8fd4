//! Stays with a force that has an end, and ends it: when its time is over, or on Ctrl-C.

use std::time::Duration;

use jiff::Timestamp;

use super::order;
use super::order::{ChangeOutcome, ChangePlan, ChangeResult, Order, Preflight, Refusal};
use crate::cli::StreamFormat;
use crate::cluster::{Cluster, Clusters};
use crate::model::{Timers, decide};
use crate::output::terminal::say;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;
use crate::resource::{Change, Record};
use crate::text::{command_on, word};

/// How long the end is tried: a rolling update of the control plane may take that long.
const PERSEVERANCE: Duration = Duration::from_secs(300);

/// Overrides that are to be ended.
pub struct Hold<'a> {
    pub records: &'a [Record],
    pub until: Timestamp,
    /// Who gave the order.
    pub by: &'a str,
    /// How long to stay at most.
    pub limit: Option<Duration>,
    pub interrupts: Interrupts,
    pub output: StreamFormat,
}

impl Hold<'_> {
    /// Waits until then by the API server's clock, or for a signal, and ends the overrides.
    ///
    /// # Errors
    /// Exit 3 where the limit is over before: the overrides go on. Where a second signal stops their ending.
    pub async fn until_over(mut self, cluster: &Clusters) -> anyhow::Result<Exit> {
        let until = self.until;
        say(&format!(
            "staying until {until:.0} to end it; Ctrl-C ends it at once: {}",
            self.names()
        ));
        let left =
            Duration::try_from(until.duration_since(cluster.clock().now())).unwrap_or_default();
        let limit = self.limit.filter(|limit| *limit < left);
        let was_told_to = tokio::select! {
            () = tokio::time::sleep(left) => false,
            () = tokio::time::sleep(limit.unwrap_or_default()), if limit.is_some() => {
                return Err(Problem::not_met(format!("the override goes on until {until:.0}"))
                    .next(format!("a watch ends it then, if one runs; by hand: {}", self.by_hand(cluster)))
                    .into());
            }
            _ = self.interrupts.next() => true,
        };
        let ending = Ending { until };
        let mut outcomes = tokio::select! {
            outcomes = order::carry_on(cluster, self.records, self.by, &ending) => outcomes,
            () = insistence(&mut self.interrupts, was_told_to) => {
                let names = self.names();
                let what = format!("interrupted: the override on {names} may still stand, until {until:.0}");
                return Err(Problem::new(what).next(format!("to end it: {}", self.by_hand(cluster))).into());
            }
        };
        for outcome in &mut outcomes {
            still_stands(cluster, outcome, until);
        }
        order::tell(cluster, &ending, &outcomes, self.output)
    }

    fn names(&self) -> String {
        let names: Vec<String> = self
            .records
            .iter()
            .map(|record| word(&record.id().short_name()))
            .collect();
        names.join(" ")
    }

    fn by_hand(&self, cluster: &Cluster) -> String {
        let namespace = self
            .records
            .first()
            .map_or("NAMESPACE", |record| &record.meta.namespace);
        format!(
            "kubectl failover failback {} {}",
            self.names(),
            cluster.reach.for_plugin(namespace)
        )
    }
}

/// Comes with the second signal of all.
async fn insistence(interrupts: &mut Interrupts, is_second: bool) {
    if !is_second {
        interrupts.next().await;
    }
    say("ending it; Ctrl-C once more stops that, and may leave the override behind");
    interrupts.next().await;
}

/// Says so of an override whose end could not be written.
fn still_stands(cluster: &Cluster, outcome: &mut ChangeOutcome, until: Timestamp) {
    let ChangeResult::Failed(problem) = &mut outcome.fate else {
        return;
    };
    let by_hand = command_on(
        "failback",
        &outcome.id,
        &cluster.reach.for_plugin(&outcome.id.namespace),
    );
    problem.message = format!(
        "the override still stands, until {until:.0}: {}",
        problem.message
    );
    problem.next.push(format!("to end it by hand: {by_hand}"));
}

/// Ends an override as the loop does when its time is over.
struct Ending {
    until: Timestamp,
}

impl Order for Ending {
    fn name(&self) -> &'static str {
        "force"
    }

    fn perseverance(&self) -> Duration {
        PERSEVERANCE
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let mut group = seen.valid()?.clone();
        let standing = group
            .override_in_force(seen.now)
            .or(group.override_to_end(seen.now).map(|(order, _)| order));
        if standing.is_none_or(|order| order.until != Some(self.until)) {
            return Ok(ChangePlan::Unchanged(
                "the override has been ended or changed meanwhile".to_owned(),
            ));
        }
        group.expire(seen.now);
        let decision = decide(&group, &seen.readiness, &Timers::none(), seen.now);
        if decision.notes.end_override.is_none() {
            return Err(Refusal {
                danger: None,
                may_pass: false,
                reason: format!("the override stays: {}", decision.reason),
                next: format!(
                    "to end it by hand: {}",
                    command_on("failback", &group.id, &seen.place)
                ),
            });
        }
        let change =
            Change::of(&group, &decision, &seen.by, seen.now).map_err(|_| Refusal::unwritable())?;
        Ok(ChangePlan::Change {
            change: Box::new(change),
            words: "the override is ended".to_owned(),
        })
    }
}
