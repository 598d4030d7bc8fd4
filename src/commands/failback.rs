//! `failback`: ends a force, or a stay on a fallback, and moves the traffic home.

use std::time::{Duration, Instant};

use crate::access::rights::RbacCommand;
use crate::changes::order;
use crate::changes::order::{ChangePlan, Order, Preflight, Refusal};
use crate::changes::wait_ready;
use crate::cli::{Danger, FailbackArgs, GlobalArgs};
use crate::model::operate;
use crate::model::operate::{FailbackPlan, RemovedOverride};
use crate::model::{Group, Readiness, Runner, State, Status, Weights};
use crate::problem::Exit;
use crate::resource::{Change, TrafficMove};
use crate::text::{command_on, word};

pub async fn run(flags: &GlobalArgs, args: &FailbackArgs) -> anyhow::Result<Exit> {
    let cluster = super::connect(RbacCommand::Failback, flags, &args.change.remotes).await?;
    let mut failback = FailbackOrder {
        home: args.home.clone(),
        reason: args.reason.clone(),
        allow: args.allow.clone(),
        patience: args.wait.then(|| args.timeout.unwrap_or(order::PATIENCE)),
        ran_out_of_time: false,
    };
    let started = Instant::now();
    let mut records = order::chosen(&cluster, flags, &args.groups, &failback).await?;
    let mut gone = Vec::new();
    if args.when_ready {
        let waited = wait_ready::wait(&cluster, records, args.timeout, &failback).await?;
        (records, gone) = (waited.records, waited.gone);
        failback.ran_out_of_time = !waited.all_ready;
        // One limit holds for both waits.
        let left = args
            .timeout
            .map(|timeout| timeout.saturating_sub(started.elapsed()));
        failback.patience = failback.patience.map(|patience| left.unwrap_or(patience));
    }
    order::carry_out_beside(&cluster, records, gone, &args.change, true, &failback)
        .await?
        .exit
}

pub struct FailbackOrder {
    home: Option<String>,
    reason: Option<String>,
    allow: Vec<Danger>,
    /// How long to wait until the traffic is at home.
    patience: Option<Duration>,
    /// Not every group was ready in time.
    ran_out_of_time: bool,
}

impl Order for FailbackOrder {
    fn name(&self) -> &'static str {
        "failback"
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let group = seen.valid()?;
        let named = self.named_home(group, &seen.place)?;
        let Some(returned) = operate::failback(group, &seen.readiness, named, seen.now) else {
            return Err(Refusal {
                danger: None,
                may_pass: false,
                reason: "the override does not say which backend is home".to_owned(),
                next: format!(
                    "name it: {}",
                    command_on(
                        "failback",
                        &group.id,
                        &format!("--home BACKEND {}", seen.place)
                    )
                ),
            });
        };
        if returned.removes == RemovedOverride::None && group.carries(returned.home) {
            return Ok(ChangePlan::Unchanged(format!(
                "{} has the traffic already",
                group.backend_name(returned.home)
            )));
        }
        self.refuse_unready(group, seen, &returned)?;
        seen.refuse_owner(&self.allow)?;
        self.change(group, seen, returned)
    }

    fn after(&self, status: &Status, place: &str) -> Vec<String> {
        let mut lines: Vec<String> = match self.patience.filter(|_| !self.is_met(status)) {
            Some(patience) => vec![too_late(status, patience, place)],
            None => status
                .primary
                .iter()
                .flat_map(|home| order::not_there(status, home, place))
                .collect(),
        };
        if let Some(home) = &status.forgotten_home {
            let command = command_on(
                "set",
                &status.id,
                &format!("--primary {} {place}", word(home)),
            );
            lines.push(format!(
                "{home} was home before a force whose override was taken away; to go there: {command}"
            ));
        } else if !lines.is_empty() {
            let command = command_on("failback", &status.id, &format!("--when-ready {place}"));
            lines.push(format!(
                "where failback is manual no loop does it: {command}"
            ));
        }
        lines
    }

    fn terms(&self, seen: &Preflight) -> Vec<String> {
        let reason = self
            .reason
            .as_ref()
            .map(|reason| format!("reason: {reason}"));
        let ended = seen
            .standing()
            .map(|order| format!("ends the force to {}", order::target(order)));
        reason.into_iter().chain(ended).collect()
    }

    fn patience(&self) -> Option<Duration> {
        self.patience
    }

    fn ran_out_of_time(&self) -> bool {
        self.ran_out_of_time
    }

    /// No override is left, and home has its share.
    fn is_met(&self, status: &Status) -> bool {
        let home = status.primary.as_deref();
        status.order.is_none()
            && status.state != State::OutOfSync
            && home.is_some_and(|home| status.active().contains(&home))
    }
}

fn too_late(status: &Status, patience: Duration, place: &str) -> String {
    let late = format!(
        "the traffic is not at home after {:.1} s",
        patience.as_secs_f64()
    );
    match status.runner {
        Runner::Nobody => {
            format!(
                "{late}, and nobody runs a loop here to move it: kubectl failover watch {place}"
            )
        }
        _ => format!("{late}; it goes there once home is ready"),
    }
}

impl FailbackOrder {
    fn named_home(&self, group: &Group, place: &str) -> Result<Option<usize>, Refusal> {
        let Some(home) = &self.home else {
            return Ok(None);
        };
        let refusal = |reason: String, next: String| Refusal {
            danger: None,
            may_pass: false,
            reason,
            next,
        };
        let Some(position) = group.named(home) else {
            return Err(Refusal::no_backend(group, home, "--home"));
        };
        if group.order.is_none() && position != group.primary {
            let reason = format!("{} is home, and there is no override", group.primary_name());
            return Err(refusal(
                reason,
                format!(
                    "to make {home} the primary: {}",
                    command_on(
                        "set",
                        &group.id,
                        &format!("--primary {} {place}", word(home))
                    )
                ),
            ));
        }
        Ok(Some(position))
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
        // What is said is how many endpoints make it enough for an ordinary group.
        let needed = group.policy.min_ready;
        let (danger, reason) = match (home, home.meets(needed), home.why_unknown()) {
            (_, Some(true), _) => return Ok(()),
            (_, None, Some(why)) => (
                Danger::Unknown,
                format!("whether {name} is ready is not known: {why}"),
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
        if matches!(returned.removes, RemovedOverride::Broken { .. })
            || self.allow.contains(&danger)
        {
            return Ok(());
        }
        let place = &seen.place;
        let forever = match home {
            Readiness::Unknown { why } => seen.how_to_know(why),
            _ => None,
        };
        let may_pass = forever.is_none();
        let next = forever.unwrap_or_else(|| {
            let command = command_on("failback", &group.id, &format!("--when-ready {place}"));
            format!("to wait for it: {command}")
        });
        Err(Refusal {
            danger: Some(danger),
            may_pass,
            reason,
            next,
        })
    }

    fn change(
        &self,
        group: &Group,
        seen: &Preflight,
        returned: FailbackPlan,
    ) -> Result<ChangePlan, Refusal> {
        let home = group.backend_name(returned.home);
        let (change, words) = match returned.removes {
            RemovedOverride::Standing => (
                Change::builder().end_override(Some(home)),
                "the override is ended".to_owned(),
            ),
            RemovedOverride::Broken { sets_home } => (
                Change::builder().end_override(sets_home.then_some(home)),
                "the broken override is taken away".to_owned(),
            ),
            RemovedOverride::None if returned.weights == Weights::Hold => {
                return Ok(ChangePlan::Unchanged(returned.why));
            }
            RemovedOverride::None if returned.reaches_home() => {
                (Change::builder(), format!("sent home to {home}"))
            }
            RemovedOverride::None => (
                Change::builder(),
                format!("{home} is home, and {}", returned.why),
            ),
        };
        let reason = self.reason.as_ref().unwrap_or(&returned.why);
        let change = change
            .hold(returned.notes.held, seen.now)
            .move_traffic(TrafficMove {
                group,
                weights: &returned.weights,
                unverified: returned.unverified,
                by: &seen.by,
                why: &format!("failback: {reason}"),
                at: seen.now,
            })
            .build()
            .map_err(|_| Refusal::unwritable())?;
        Ok(ChangePlan::Change {
            change: Box::new(change),
            words,
        })
    }
}
