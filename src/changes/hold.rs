//! `force --duration --wait`: holds the override until it expires or Ctrl-C, then ends it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::execute::{Execution, follow_up};
use super::order::{ChangeOutcome, ChangePlan, ChangeResult, Order, OrderSpec};
use super::preflight::Preflight;
use super::refusal::Refusal;
use super::write::{OrderContext, place_of};
use crate::cluster::Cluster;
use crate::model::fold::{MAX_SINGLE_GROUPS, groups_named};
use crate::model::{GroupId, Timers, decide};
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;
use crate::resource::{Change, Record};
use crate::text::word;
use crate::view::command_line::command_on;

/// How long to retry the write that ends an override: a rolling update of the control plane may
/// take that long.
const END_WRITE_TIMEOUT: Duration = Duration::from_secs(300);

/// How often to look at the wall clock.
const WALL_CLOCK_INTERVAL: Duration = Duration::from_secs(1);

/// Overrides to hold and then end.
pub struct Hold<'a> {
    /// The execution of the order that set them.
    pub execution: Execution<'a>,
    pub records: &'a [Record],
    pub until: Timestamp,
    /// Who gave the order: user and host.
    pub by: &'a str,
    /// Stop holding after this long, and leave the override.
    pub limit: Option<Duration>,
    pub interrupts: Interrupts,
}

impl Hold<'_> {
    /// Waits until the override expires by the API server's clock or a signal arrives, then ends
    /// it.
    ///
    /// # Errors
    /// Exit 3 if the limit passes first. An error if a second signal interrupts the write that ends
    /// the override.
    pub async fn run(mut self) -> anyhow::Result<Exit> {
        let Execution {
            cluster, streams, ..
        } = self.execution;
        let (until, names, by_hand) = (self.until, self.names(), self.by_hand());
        streams.say(&format!(
            "Holding {names} until {until:.0}. Press Ctrl-C to fail back now."
        ));
        let now = cluster.clock().now();
        let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        let limit = self.limit.filter(|limit| *limit < left);
        let is_interrupted = tokio::select! {
            () = pass(left, Timestamp::now) => false,
            () = tokio::time::sleep(limit.unwrap_or_default()), if limit.is_some() => {
                return Err(Problem::not_met(format!("the override stays until {until:.0}"))
                    .next(format!("a running watch ends it then; to end it yourself: {by_hand}"))
                    .into());
            }
            _ = self.interrupts.next() => true,
        };
        let order = EndOrder { until };
        let context = OrderContext {
            cluster,
            order: &order,
            by: self.by,
            started: cluster.clock().now(),
            later: None,
        };
        let mut outcomes = tokio::select! {
            outcomes = follow_up(context, self.records) => outcomes,
            () = last_signal(&mut self.interrupts, is_interrupted, streams) => {
                let message = format!("interrupted: the override on {names} may stay until \
                        {until:.0}");
                return Err(Problem::new(message).next(format!("to end it: {by_hand}")).into());
            }
        };
        for outcome in &mut outcomes {
            explain_failure(cluster, outcome, until);
        }
        let execution = Execution {
            order: &order,
            ..self.execution
        };
        execution.report(&outcomes)
    }

    fn ids(&self) -> Vec<GroupId> {
        self.records.iter().map(Record::id).collect()
    }

    fn names(&self) -> String {
        let ids = self.ids();
        if ids.len() > MAX_SINGLE_GROUPS {
            return groups_named(&Vec::from_iter(&ids));
        }
        let names: Vec<String> = ids.iter().map(GroupId::short_name).collect();
        names.join(" ")
    }

    fn by_hand(&self) -> String {
        let ids = self.ids();
        let names: Vec<String> = ids.iter().map(|id| word(&id.short_name())).collect();
        let place = place_of(self.execution.cluster, &ids);
        format!("kubectl failover failback {} {place}", names.join(" "))
    }
}

/// Returns after this long by a wall clock, which goes on while the machine is suspended.
async fn pass(time: Duration, clock: impl Fn() -> Timestamp) {
    let (started, began) = (clock(), Instant::now());
    let elapsed = || {
        let by_wall = Duration::try_from(clock().duration_since(started));
        by_wall.unwrap_or_default().max(began.elapsed())
    };
    while let Some(left) = time.checked_sub(elapsed()).filter(|left| !left.is_zero()) {
        tokio::time::sleep(left.min(WALL_CLOCK_INTERVAL)).await;
    }
}

/// Returns on the second signal. `is_interrupted` says whether the first one has arrived.
async fn last_signal(interrupts: &mut Interrupts, is_interrupted: bool, streams: &Streams) {
    if !is_interrupted {
        interrupts.next().await;
    }
    streams.say("failing back; press Ctrl-C again to stop, which may leave the override");
    interrupts.next().await;
}

fn explain_failure(cluster: &Cluster, outcome: &mut ChangeOutcome, until: Timestamp) {
    let ChangeResult::Failed(problem) = &mut outcome.result else {
        return;
    };
    let place = cluster.reach.for_plugin(&outcome.id.namespace);
    let by_hand = command_on("failback", &outcome.id, &place);
    problem.message = format!("the override stays until {until:.0}: {}", problem.message);
    problem.next.push(format!("to end it yourself: {by_hand}"));
}

/// Ends an override as a watch does when it expires.
struct EndOrder {
    until: Timestamp,
}

impl Order for EndOrder {
    fn spec(&self) -> OrderSpec {
        OrderSpec {
            write_timeout: END_WRITE_TIMEOUT,
            ..OrderSpec::new("force")
        }
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let mut group = seen.valid()?.clone();
        let standing = group
            .override_in_force(seen.now)
            .or(group.override_to_end(seen.now).map(|(order, _)| order));
        if standing.is_none_or(|order| order.until != Some(self.until)) {
            return Ok(ChangePlan::Unchanged(
                "the override was ended or changed meanwhile".to_owned(),
            ));
        }
        group.expire(seen.now);
        let decision = decide(&group, &seen.readiness, &Timers::none(), seen.now);
        if decision.notes.end_override.is_none() {
            let by_hand = command_on("failback", &group.id, &seen.place);
            return Err(Refusal::new(
                format!("the override stays: {}", decision.reason),
                format!("to end it yourself: {by_hand}"),
            ));
        }
        let change = Change::of(&group, &decision, &seen.by, seen.now);
        ChangePlan::build(change, "ended the override")
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_that_passes_while_the_machine_is_suspended_counts() {
        let start = Instant::now();
        // The wall clock goes ten times as fast.
        let clock = || {
            let elapsed = SignedDuration::try_from(start.elapsed() * 10).unwrap();
            Timestamp::UNIX_EPOCH + elapsed
        };
        pass(Duration::from_secs(1800), clock).await;
        assert_eq!(start.elapsed().as_secs(), 180);
        pass(Duration::from_secs(5), || Timestamp::UNIX_EPOCH).await;
        assert_eq!(start.elapsed().as_secs(), 185);
    }
}
