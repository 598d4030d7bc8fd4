//! `failback`: sends traffic back to the primary, and ends a force.

use std::time::{Duration, Instant};

use super::args::forces::{filters, forced, is_among};
use super::args::targets::{check_named, targets};
use super::env::CommandEnv;
use super::traffic::follow::{TrafficWait, default_wait};
use crate::changes::order::{ChangePlan, Order, OrderSpec};
use crate::changes::precondition::target;
use crate::changes::preflight::Preflight;
use crate::changes::read_back::why_not_moved;
use crate::changes::refusal::Refusal;
use crate::changes::wait_ready::wait_ready;
use crate::cli::{Danger, FailbackArgs};
use crate::cluster::api::identity;
use crate::cluster::{Cluster, Clusters};
use crate::error::explain;
use crate::model::operate::{self, FailbackPlan, RemovedOverride};
use crate::model::{Group, OverrideState, Readiness, Runner, State, Status, Timers, Weights};
use crate::problem::Exit;
use crate::resource::Change;
use crate::text::{ConnectionFlags, word};
use crate::view::command_line::command_on;

pub async fn run(env: &CommandEnv, args: &FailbackArgs) -> anyhow::Result<Exit> {
    if !args.forces.is_set() {
        check_named(env, &args.groups, "failback")?;
    }
    let cluster = env.connect(&args.change.remotes).await?;
    run_in(env, &cluster, args).await
}

/// Runs the command in a cluster that is connected.
pub async fn run_in(
    env: &CommandEnv,
    cluster: &Clusters,
    args: &FailbackArgs,
) -> anyhow::Result<Exit> {
    let mut order = FailbackOrder {
        args,
        spares_all_but: spares_all_but(cluster, args).await?,
        wait: args
            .wait
            .then(|| args.timeout.unwrap_or(default_wait(&args.traffic))),
        timed_out: false,
    };
    let started = Instant::now();
    let mut records = targets(env, cluster, &args.groups).await?;
    if args.groups.names.is_empty() && args.forces.is_set() {
        records = forced(records, &args.forces)?;
    }
    let traffic = TrafficWait::begin(cluster, &env.streams, &records, &args.traffic).await?;
    let mut gone = Vec::new();
    if args.when_ready {
        let waited = wait_ready(cluster, records, args.timeout, &order, &env.streams, None).await?;
        (records, gone) = (waited.records, waited.gone);
        order.timed_out = !waited.all_ready;
        // One limit for both waits.
        if let Some(timeout) = args.timeout {
            let left = timeout.saturating_sub(started.elapsed());
            order.wait = order.wait.map(|_| left);
        }
    }
    let execution = env.execution(cluster, &order, &args.change);
    let mut executed = execution.execute(records, gone).await?;
    if let Some(traffic) = traffic {
        traffic.run(&mut executed, &order).await?;
    }
    execution.report(&executed.outcomes)
}

/// Returns who gives the order, if it leaves everybody else's forces alone: many groups may be
/// chosen by someone who knows of none of these forces.
async fn spares_all_but(cluster: &Cluster, args: &FailbackArgs) -> anyhow::Result<Option<String>> {
    let is_meant = !args.groups.names.is_empty() || args.forces.names_forces();
    if is_meant || args.allow.contains(&Danger::Others) {
        return Ok(None);
    }
    let me = identity::signature(cluster).await;
    Ok(Some(me.map_err(|cause| explain(cluster, &cause))?))
}

struct FailbackOrder<'a> {
    args: &'a FailbackArgs,
    /// Whose forces are ended; none if everybody's are.
    spares_all_but: Option<String>,
    /// How long to wait until the traffic is back.
    wait: Option<Duration>,
    /// Whether some groups were not ready in time.
    timed_out: bool,
}

impl Order for FailbackOrder<'_> {
    fn spec(&self) -> OrderSpec {
        OrderSpec {
            asks: true,
            wait: self.wait,
            timed_out: self.timed_out,
            ..OrderSpec::new("failback")
        }
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let group = seen.valid()?;
        if let Some(why) = self.why_left(group, seen) {
            return Ok(ChangePlan::Left(why));
        }
        let named = self.named_home(group, &seen.place)?;
        let Some(returned) = operate::failback(group, &seen.readiness, named, seen.now) else {
            let flags = format!("--home BACKEND {}", seen.place);
            let command = command_on("failback", &group.id, &flags);
            return Err(Refusal::new(
                "the override does not name the backend to fail back to",
                format!("name it: {command}"),
            ));
        };
        let is_home = returned.removes == RemovedOverride::None && group.carries(returned.home);
        if is_home && returned.notes.avoid.is_none() {
            let words = format!("already on {}", group.backend_name(returned.home));
            return Ok(ChangePlan::Unchanged(words));
        }
        self.refuse_evacuated(group, seen, &returned)?;
        self.refuse_unready(group, seen, &returned)?;
        seen.refuse_owner(&self.args.allow)?;
        self.change(group, seen, returned)
    }

    fn terms(&self, seen: &Preflight) -> Vec<String> {
        let reason = self.args.reason.as_ref();
        let reason = reason.map(|reason| format!("reason: {reason}"));
        let ended = seen
            .standing()
            .map(|order| format!("ends the force to {}", target(order)));
        reason.into_iter().chain(ended).collect()
    }

    fn after(&self, status: &Status, reach: &ConnectionFlags) -> Vec<String> {
        let place = &reach.for_plugin(&status.id.namespace);
        let mut lines: Vec<String> = match self.wait.filter(|_| !self.is_met(status)) {
            Some(wait) => vec![timed_out(status, wait, place)],
            None => status
                .primary
                .iter()
                .flat_map(|home| why_not_moved(status, home, reach))
                .collect(),
        };
        if let Some(home) = &status.forgotten_home {
            let flags = format!("--primary {} {place}", word(home));
            let command = command_on("set", &status.id, &flags);
            lines.push(format!(
                "{home} was the primary before a force whose override was deleted; to make it the \
                 primary again: {command}"
            ));
        } else if !lines.is_empty() && status.avoids_primary().is_none() {
            let flags = format!("--when-ready {place}");
            let command = command_on("failback", &status.id, &flags);
            lines.push(format!(
                "with failback: manual no watch does it; to wait for it: {command}"
            ));
        }
        lines
    }

    fn command_for_left(&self, place: &str) -> Option<String> {
        let groups = match &self.args.groups.selector {
            Some(selector) => format!("-l {}", word(selector)),
            None => "--all".to_owned(),
        };
        let reason = self.args.forces.forced_reason.as_ref();
        let reason = reason.map(|reason| format!(" --forced-reason {}", word(reason)));
        let reason = reason.unwrap_or_default();
        Some(format!(
            "kubectl failover failback {groups}{reason} --allow=others {place}"
        ))
    }

    /// Whether the override is gone and home has its share.
    fn is_met(&self, status: &Status) -> bool {
        let home = status.primary.as_deref();
        status.order.is_none()
            && !matches!(status.state, State::Down | State::OutOfSync)
            && home.is_some_and(|home| status.active().contains(&home))
    }
}

fn timed_out(status: &Status, wait: Duration, place: &str) -> String {
    let late = format!(
        "timed out after {:.1} s waiting for the traffic to be back",
        wait.as_secs_f64()
    );
    match status.runner {
        Runner::Unattended => format!(
            "{late}; no watch is running to move it; start one: kubectl failover watch {place}"
        ),
        _ => format!("{late}; it moves once the primary is ready"),
    }
}

impl FailbackOrder<'_> {
    /// Returns why the order does not mean this group.
    fn why_left(&self, group: &Group, seen: &Preflight) -> Option<Refusal> {
        let forces = &self.args.forces;
        let order = group.order.as_ref().and_then(OverrideState::order);
        let forced = |order| format!("forced to {}", target(order));
        if forces.is_set() && !order.is_some_and(|order| is_among(order, forces)) {
            let found = order.map_or_else(|| "not forced".to_owned(), forced);
            let reason = format!("{found}, which {} does not mean", filters(forces));
            return Some(Refusal::new(reason, String::new()));
        }
        let me = self.spares_all_but.as_ref()?;
        let theirs = order.filter(|order| order.by != *me && !order.has_expired(seen.now))?;
        let next = command_on("failback", &group.id, &seen.place);
        Some(Refusal {
            allow: Some("others".to_owned()),
            ..Refusal::new(forced(theirs), format!("to fail it back too: {next}"))
        })
    }

    fn named_home(&self, group: &Group, place: &str) -> Result<Option<usize>, Refusal> {
        let Some(home) = &self.args.home else {
            return Ok(None);
        };
        let Some(position) = group.named(home) else {
            return Err(Refusal::no_backend(group, home, "--home"));
        };
        if group.order.is_none() && position != group.primary {
            let flags = format!("--primary {} {place}", word(home));
            let command = command_on("set", &group.id, &flags);
            let primary = group.primary_name();
            return Err(Refusal::new(
                format!("there is no override, and the primary is {primary}"),
                format!("to make {home} the primary: {command}"),
            ));
        }
        Ok(Some(position))
    }

    fn refuse_evacuated(
        &self,
        group: &Group,
        seen: &Preflight,
        returned: &FailbackPlan,
    ) -> Result<(), Refusal> {
        if matches!(returned.removes, RemovedOverride::Broken { .. }) {
            return Ok(());
        }
        let flags = format!("--when-ready {}", seen.place);
        let wait = command_on("failback", &group.id, &flags);
        let wait = format!("to wait for its end: {wait}");
        seen.refuse_evacuated(group, returned.home, &wait, &self.args.allow)
    }

    fn refuse_unready(
        &self,
        group: &Group,
        seen: &Preflight,
        returned: &FailbackPlan,
    ) -> Result<(), Refusal> {
        let name = group.backend_name(returned.home);
        let Some(home) = seen.readiness.get(returned.home) else {
            return Ok(());
        };
        // Uses the group's own threshold, since that of the override ends with it.
        let needed = group.policy.min_ready;
        let (danger, reason) = match (home, home.meets(needed), home.why_unknown()) {
            (_, Some(true), _) if group.carries(returned.home) => return Ok(()),
            (_, Some(true), _) => {
                match group.too_few_to_return(returned.home, home, &Timers::none()) {
                    None => return Ok(()),
                    Some(too_few) => (Danger::Short, too_few.words(name)),
                }
            }
            (_, None, Some(why)) => (
                Danger::Unknown,
                format!("the readiness of {name} is unknown: {why}"),
            ),
            (Readiness::Missing, ..) => (Danger::Unready, format!("Service {name} does not exist")),
            (home, ..) => {
                let (ready, total) = home.counts().unwrap_or_default();
                let needed = needed.needed(total);
                (
                    Danger::Unready,
                    format!("{name} has {ready} of {total} endpoints ready, {needed} needed"),
                )
            }
        };
        if matches!(returned.removes, RemovedOverride::Broken { .. }) {
            return Ok(());
        }
        let lasting = match home {
            Readiness::Unknown { why } => seen.how_to_know(why),
            _ => None,
        };
        let may_pass = lasting.is_none();
        let next = lasting.unwrap_or_else(|| {
            let flags = format!("--when-ready {}", seen.place);
            let command = command_on("failback", &group.id, &flags);
            format!("to wait for it: {command}")
        });
        let refusal = Refusal {
            may_pass,
            ..Refusal::new(reason, next)
        };
        refusal.unless_allowed(danger, &self.args.allow)
    }

    fn change(
        &self,
        group: &Group,
        seen: &Preflight,
        returned: FailbackPlan,
    ) -> Result<ChangePlan, Refusal> {
        let home = group.backend_name(returned.home);
        let mut change = Change::builder();
        let words = match returned.removes {
            RemovedOverride::Valid => {
                change = change.end_override(Some(home));
                "ended the override".to_owned()
            }
            RemovedOverride::Broken { sets_home } => {
                change = change.end_override(sets_home.then_some(home));
                if sets_home {
                    format!("removed the stale override and made {home} the primary")
                } else {
                    "removed the stale override".to_owned()
                }
            }
            RemovedOverride::None if returned.weights == Weights::Hold => {
                match &returned.notes.avoid {
                    None => return Ok(ChangePlan::Unchanged(returned.why)),
                    Some(_) => "removed what had expired".to_owned(),
                }
            }
            RemovedOverride::None if returned.reaches_home() => format!("failed back to {home}"),
            RemovedOverride::None => format!("the primary is {home}, and {}", returned.why),
        };
        let reason = self.args.reason.as_ref().unwrap_or(&returned.recorded_why);
        let why = format!("failback: {reason}");
        let traffic = seen.traffic_move(
            group,
            &returned.weights,
            returned.written.as_deref(),
            returned.unverified,
            &why,
        );
        if let Some(ended) = &returned.notes.avoid {
            change = change.avoid(&ended.entries);
        }
        let change = change.hold(returned.notes.held, seen.now);
        ChangePlan::build(change.move_traffic(traffic).build(), words)
    }
}
