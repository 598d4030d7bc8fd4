//! `force`: sends traffic to a backend by hand, and keeps it there.

use std::collections::HashSet;

use jiff::Timestamp;

use super::args::targets::{check_named, targets};
use super::env::CommandEnv;
use super::traffic::follow::{TrafficWait, default_wait};
use crate::changes::hold::Hold;
use crate::changes::order::{ChangeOutcome, ChangePlan, Order, OrderSpec, check_duration, expiry};
use crate::changes::precondition::{paused, target};
use crate::changes::preflight::{Preflight, PreflightReads};
use crate::changes::read_back::why_not_moved;
use crate::changes::refusal::Refusal;
use crate::cli::{Danger, DryRun, ForceArgs};
use crate::cluster::Clusters;
use crate::model::operate::{self, ForcePlan, ForceRequest};
use crate::model::{
    Group, GroupId, Override, OverrideStatus, Readiness, Runner, State, Status, WhyUnknown,
};
use crate::problem::{Exit, Problem};
use crate::resource::{Change, Record};
use crate::text::ConnectionFlags;
use crate::view::command_line::{command_on, describe_service};

pub async fn run(env: &CommandEnv, args: &ForceArgs) -> anyhow::Result<Exit> {
    check_named(env, &args.groups, "force")?;
    if args.traffic.traffic && args.duration.is_some() {
        return Err(Problem::usage(
            "--traffic cannot be used with --duration, since --wait then lasts until the force expires",
        )
        .next("leave out --wait and --traffic, and wait with: kubectl failover traffic NAME --for CONDITION")
        .into());
    }
    let cluster = env.connect(&args.change.remotes).await?;
    run_in(env, &cluster, args).await
}

/// Runs the command in a cluster that is connected.
pub async fn run_in(
    env: &CommandEnv,
    cluster: &Clusters,
    args: &ForceArgs,
) -> anyhow::Result<Exit> {
    let records = targets(env, cluster, &args.groups).await?;
    check_duration(cluster, args.duration)?;
    let traffic = TrafficWait::begin(cluster, &env.streams, &records, &args.traffic).await?;
    let execution = env.execution(cluster, args, &args.change);
    let mut executed = execution.execute(records.clone(), Vec::new()).await?;
    if let Some(traffic) = traffic {
        traffic.run(&mut executed, args).await?;
    }
    let reported = execution.report(&executed.outcomes);
    let held = forced(records, &executed.outcomes);
    let until = expiry(executed.started, args.duration);
    let Some(until) = until.filter(|_| args.spec().ends_on_signals) else {
        return reported;
    };
    if held.is_empty() || args.change.dry_run.mode != DryRun::None {
        return reported;
    }
    let hold = Hold {
        execution,
        records: &held,
        until,
        by: &executed.by,
        limit: args.timeout,
        interrupts: executed.interrupts,
    };
    // The override ends even if the report could not be written.
    let ended = hold.run().await;
    match reported? {
        Exit::Done => ended,
        exit => ended.map(|_| exit),
    }
}

/// The groups that are forced.
fn forced(records: Vec<Record>, outcomes: &[ChangeOutcome]) -> Vec<Record> {
    let done = outcomes.iter().filter(|outcome| outcome.is_as_ordered());
    let done: HashSet<&GroupId> = done.map(|outcome| &outcome.id).collect();
    let mut forced = records;
    forced.retain(|record| done.contains(&record.id()));
    forced
}

impl Order for ForceArgs {
    fn spec(&self) -> OrderSpec {
        let waits_for_traffic = self.wait && self.duration.is_none();
        OrderSpec {
            asks: true,
            wait: waits_for_traffic.then(|| self.timeout.unwrap_or(default_wait(&self.traffic))),
            reads: PreflightReads {
                conflicts: true,
                ..PreflightReads::default()
            },
            ends_on_signals: self.wait && self.duration.is_some(),
            ..OrderSpec::new("force")
        }
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let group = seen.valid()?;
        let target = target_of(self, group)?;
        let until = expiry(seen.started, self.duration);
        refuse_paused(self, group, seen, until)?;
        let request = ForceRequest {
            to: target,
            until,
            reason: self.reason.clone(),
            id: self.id.clone(),
            by: seen.by.clone(),
        };
        let ForcePlan::Write {
            order,
            weights,
            written,
            unverified,
            notes,
        } = operate::force(group, &seen.readiness, &request, seen.now)
        else {
            let words = already_forced(self, group, seen, target);
            return Ok(ChangePlan::Unchanged(words));
        };
        let instead = "or force the traffic to another backend";
        seen.refuse_evacuated(group, target, instead, &self.allow)?;
        refuse_unready(self, group, seen, target)?;
        seen.refuse_conflicts(&self.allow)?;
        let why = order.in_words();
        let change = Change::builder()
            .force(&order)
            .hold(notes.held, seen.now)
            .move_traffic(seen.traffic_move(group, &weights, written.as_deref(), unverified, &why));
        ChangePlan::build(change.build(), describe(&order, seen))
    }

    fn terms(&self, seen: &Preflight) -> Vec<String> {
        let until = match expiry(seen.started, self.duration) {
            Some(until) => format!("until {until:.0}"),
            None => "until you run failback".to_owned(),
        };
        let reason = self
            .reason
            .as_ref()
            .map(|reason| format!("reason: {reason}"));
        let replaced = seen
            .standing()
            .map(|order| format!("replaces the force to {}", target(order)));
        let doubts = seen.doubts.iter().map(|doubt| format!("warning: {doubt}"));
        std::iter::once(until)
            .chain(reason)
            .chain(replaced)
            .chain(doubts)
            .collect()
    }

    fn after(&self, status: &Status, reach: &ConnectionFlags) -> Vec<String> {
        let place = &reach.for_plugin(&status.id.namespace);
        let mut lines = Vec::new();
        if self.duration.is_some() && status.state == State::Paused {
            let command = command_on("resume", &status.id, place);
            lines.push(format!(
                "the group is paused, so the force will not expire; to resume: {command}"
            ));
        }
        if self.duration.is_some() && !self.wait {
            lines.extend(expiry_warning(status, place));
        }
        if let Some(wait) = self.spec().wait.filter(|_| !self.is_met(status)) {
            lines.push(format!(
                "timed out after {} s; the traffic is still forced, and moves once the backend is \
                 ready",
                wait.as_secs_f64()
            ));
        } else if let Some(OverrideStatus::InForce(order) | OverrideStatus::WithoutHome(order)) =
            &status.order
        {
            lines.extend(why_not_moved(status, &order.to, reach));
        }
        lines
    }

    /// Whether the override's target has all of the traffic.
    fn is_met(&self, status: &Status) -> bool {
        match &status.order {
            Some(OverrideStatus::InForce(order) | OverrideStatus::WithoutHome(order)) => {
                status.active() == [order.to.as_str()]
            }
            _ => false,
        }
    }
}

fn describe(order: &Override, seen: &Preflight) -> String {
    let mut words = format!("forced to {}", order.to);
    if let Some(until) = order.until {
        words += &format!(" until {until:.0}");
    }
    let replaced = seen.standing().filter(|it| it.until != order.until);
    if let Some((replaced, until)) = replaced.and_then(|it| Some((it, it.until?))) {
        words += &format!(
            " (replaces {}'s force, which would have expired at {until:.0})",
            replaced.by
        );
    }
    for doubt in &seen.doubts {
        words += &format!("; warning: {doubt}");
    }
    words
}

/// Returns a warning if no watch will end the override when it expires.
fn expiry_warning(status: &Status, place: &str) -> Option<String> {
    let by_hand = command_on("failback", &status.id, place);
    Some(match status.runner {
        Runner::Watch(_) | Runner::Late(_) => return None,
        Runner::Unattended => format!(
            "warning: no watch is running in this namespace, so this will not expire by itself; \
             start one: kubectl failover watch {place}, or end it yourself: {by_hand}"
        ),
        Runner::Upstream => format!(
            "warning: Linkerd's failover controller keeps it and does not let it expire; end it \
             yourself: {by_hand}"
        ),
        Runner::Unknown => format!(
            "warning: can't tell whether a watch is running that lets it expire; to end it \
             yourself: {by_hand}"
        ),
    })
}

fn target_of(args: &ForceArgs, group: &Group) -> Result<usize, Refusal> {
    if let Some(to) = &args.to {
        return group
            .named(to)
            .ok_or_else(|| Refusal::no_backend(group, to, "--to"));
    }
    let fallbacks: Vec<usize> = (0..group.backends.len())
        .filter(|&i| group.backend_name(i) != group.home_name())
        .collect();
    let how_many = match fallbacks.as_slice() {
        [only] => return Ok(*only),
        [] => "no fallback",
        _ => "several fallbacks",
    };
    let names = group.backend_names().join(", ");
    Err(Refusal::new(
        format!("the group has {how_many}"),
        format!("name a backend with --to: {names}"),
    ))
}

/// Names what the override in force keeps although this command asks for another.
fn already_forced(args: &ForceArgs, group: &Group, seen: &Preflight, target: usize) -> String {
    let kept = |name: &str, asked: &Option<String>, stands: Option<&String>| {
        let differs = asked.is_some() && asked.as_ref() != stands;
        let stands = stands.map_or("(none)", String::as_str);
        differs.then(|| format!("; its {name} stays: {stands}"))
    };
    let order = seen.standing();
    let reason = order.and_then(|order| order.reason.as_ref());
    let id = order.and_then(|order| order.id.as_ref());
    let kept = [
        kept("id", &args.id, id),
        kept("reason", &args.reason, reason),
    ];
    let kept: String = kept.into_iter().flatten().collect();
    format!("already forced to {}{kept}", group.backend_name(target))
}

/// Refuses `--wait` on a paused group, since it could not end the override.
fn refuse_paused(
    args: &ForceArgs,
    group: &Group,
    seen: &Preflight,
    until: Option<Timestamp>,
) -> Result<(), Refusal> {
    match (&group.paused, until) {
        (Some(pause), Some(until)) if args.wait && !pause.is_over(until) => {
            let resume = command_on("resume", &group.id, &seen.place);
            Err(Refusal::new(
                format!("{}, so --wait could not end the force", paused(pause)),
                format!("end the pause first: {resume}; or force without --wait"),
            ))
        }
        _ => Ok(()),
    }
}

fn refuse_unready(
    args: &ForceArgs,
    group: &Group,
    seen: &Preflight,
    target: usize,
) -> Result<(), Refusal> {
    let name = group.backend_name(target);
    let look = || {
        format!(
            "look at its endpoints: {}",
            describe_service(&seen.kubectl, name)
        )
    };
    let (danger, reason, next) = match seen.readiness.get(target) {
        Some(Readiness::Unknown { why }) => (
            Danger::Unknown,
            format!("the readiness of {name} is unknown: {why}"),
            seen.how_to_know(why).unwrap_or_else(|| match why {
                WhyUnknown::Remote { cluster, .. } => {
                    format!("check whether cluster {cluster} can be reached")
                }
                _ => look(),
            }),
        ),
        Some(Readiness::Missing) => (
            Danger::Unready,
            format!("Service {name} does not exist"),
            format!("list the services: {} get service", seen.kubectl),
        ),
        Some(readiness) if readiness.is_dead() => {
            let total = readiness.counts().map_or(0, |(_, total)| total);
            let side = readiness.side().map(|side| side.words(0, total));
            let why = side.or_else(|| readiness.without_port());
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            let reason = format!("{name} has no ready endpoint{why}");
            (Danger::Unready, reason, look())
        }
        _ => return Ok(()),
    };
    Refusal::new(reason, next).unless_allowed(danger, &args.allow)
}
