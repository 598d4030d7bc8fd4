//! `force`: moves the traffic to a backend by hand, and keeps it there.

use std::time::Duration;

use jiff::Timestamp;

use crate::access::rights::RbacCommand;
use crate::changes::hold::Hold;
use crate::changes::order;
use crate::changes::order::{ChangePlan, Order, Preflight, Refusal};
use crate::cli::{Danger, DryRun, ForceArgs, GlobalArgs};
use crate::model::operate;
use crate::model::operate::{ForcePlan, ForceRequest};
use crate::model::{Group, OrderStatus, Readiness, Runner, State, Status, WhyUnknown};
use crate::problem::Exit;
use crate::resource::{Change, TrafficMove};
use crate::text::command_on;
use crate::view::status::slices_of;

pub async fn run(flags: &GlobalArgs, args: &ForceArgs) -> anyhow::Result<Exit> {
    let cluster = super::connect(RbacCommand::Force, flags, &args.change.remotes).await?;
    let force = ForceOrder {
        to: args.to.clone(),
        reason: args.reason.clone(),
        duration: args.duration,
        waits: args.wait,
        timeout: args.timeout,
        allow: args.allow.clone(),
    };
    let records = order::chosen(&cluster, flags, &args.groups, &force).await?;
    order::check_duration(&cluster, args.duration)?;
    let done = order::carry_out(&cluster, records.clone(), &args.change, true, &force).await?;
    let stayed = records
        .into_iter()
        .filter(|record| done.groups.contains(&record.id()))
        .collect::<Vec<_>>();
    let until = args
        .duration
        .and_then(|duration| order::end(done.started, duration));
    match (until, done.interrupts) {
        (Some(until), Some(interrupts))
            if !stayed.is_empty() && args.change.dry_run == DryRun::None =>
        {
            let (limit, output) = (args.timeout, args.change.output);
            let stay = Hold {
                records: &stayed,
                until,
                by: &done.by,
                limit,
                interrupts,
                output,
            };
            // What could not be told is no reason to leave the override behind.
            let over = stay.until_over(&cluster).await;
            match done.exit? {
                Exit::Done => over,
                exit => over.map(|_| exit),
            }
        }
        _ => done.exit,
    }
}

struct ForceOrder {
    to: Option<String>,
    reason: Option<String>,
    duration: Option<Duration>,
    waits: bool,
    timeout: Option<Duration>,
    allow: Vec<Danger>,
}

impl Order for ForceOrder {
    fn name(&self) -> &'static str {
        "force"
    }

    fn fears_conflicts(&self) -> bool {
        true
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let group = seen.valid()?;
        let target = self.target(group)?;
        let until = self
            .duration
            .and_then(|duration| order::end(seen.started, duration));
        self.refuse_paused(group, seen, until)?;
        let wish = ForceRequest {
            to: target,
            until,
            reason: self.reason.clone(),
            by: seen.by.clone(),
        };
        let forced = operate::force(group, &seen.readiness, &wish, seen.now);
        let ForcePlan::Write {
            order,
            weights,
            unverified,
            notes,
        } = forced
        else {
            let reason = seen
                .standing()
                .and_then(|standing| standing.reason.as_ref());
            let kept = self
                .reason
                .as_ref()
                .filter(|asked| Some(*asked) != reason)
                .map(|_| {
                    format!(
                        ", and its reason stays: {}",
                        reason.map_or("(none)", String::as_str)
                    )
                });
            let name = group.backend_name(target);
            return Ok(ChangePlan::Unchanged(format!(
                "{name} is forced already{}",
                kept.unwrap_or_default()
            )));
        };
        self.refuse_unready(group, seen, target)?;
        seen.refuse_conflicts(&self.allow)?;
        let why = match &self.reason {
            Some(reason) => format!("forced to {}: {reason}", order.to),
            None => format!("forced to {}", order.to),
        };
        let until = order
            .until
            .map(|until| format!(" until {until:.0}"))
            .unwrap_or_default();
        let earlier = seen.standing().and_then(|standing| standing.until);
        let earlier = earlier.filter(|earlier| order.until != Some(*earlier));
        let earlier = earlier
            .map(|earlier| format!("; the earlier end {earlier:.0} is gone"))
            .unwrap_or_default();
        let doubts = seen
            .doubts
            .iter()
            .map(|doubt| format!("; warning: {doubt}"))
            .collect::<String>();
        let words = format!("forced to {}{until}{earlier}{doubts}", order.to);
        let change = Change::builder()
            .force(&order)
            .hold(notes.held, seen.now)
            .move_traffic(TrafficMove {
                group,
                weights: &weights,
                unverified,
                by: &seen.by,
                why: &why,
                at: seen.now,
            })
            .build()
            .map_err(|_| Refusal::unwritable())?;
        Ok(ChangePlan::Change {
            change: Box::new(change),
            words,
        })
    }

    fn terms(&self, seen: &Preflight) -> Vec<String> {
        let until = self
            .duration
            .and_then(|duration| order::end(seen.started, duration));
        let until = until.map_or_else(|| "no end".to_owned(), |until| format!("until {until:.0}"));
        let reason = self
            .reason
            .as_ref()
            .map(|reason| format!("reason: {reason}"));
        let replaced = seen
            .standing()
            .map(|order| format!("replaces the force to {}", order::target(order)));
        let doubts = seen.doubts.iter().map(|doubt| format!("warning: {doubt}"));
        std::iter::once(until)
            .chain(reason)
            .chain(replaced)
            .chain(doubts)
            .collect()
    }

    fn after(&self, status: &Status, place: &str) -> Vec<String> {
        let mut lines = Vec::new();
        if self.duration.is_some() && status.state == State::Paused {
            let command = command_on("resume", &status.id, place);
            lines.push(format!(
                "the pause keeps the override from ending: {command}"
            ));
        }
        if self.duration.is_some() && !self.waits {
            lines.extend(not_ended(status, place));
        }
        if let Some(patience) = self.patience().filter(|_| !self.is_met(status)) {
            lines.push(format!(
                "the traffic is not where it was asked after {} s; the override stands, and it goes there once the \
                 backend is ready",
                patience.as_secs_f64()
            ));
        } else if let Some(OrderStatus::InForce(order) | OrderStatus::Homeless(order)) =
            &status.order
        {
            lines.extend(order::not_there(status, &order.to, place));
        }
        lines
    }

    fn patience(&self) -> Option<Duration> {
        (self.waits && self.duration.is_none()).then(|| self.timeout.unwrap_or(order::PATIENCE))
    }

    /// The override's target has all of the traffic.
    fn is_met(&self, status: &Status) -> bool {
        match &status.order {
            Some(OrderStatus::InForce(order) | OrderStatus::Homeless(order)) => {
                status.active() == [order.to.as_str()]
            }
            _ => false,
        }
    }

    fn ends_on_signals(&self) -> bool {
        self.waits && self.duration.is_some()
    }
}

/// That nobody is known to end an override whose time will be over; none where a loop runs.
fn not_ended(status: &Status, place: &str) -> Option<String> {
    let by_hand = command_on("failback", &status.id, place);
    Some(match status.runner {
        Runner::Held(_) => return None,
        Runner::Nobody => format!(
            "nobody runs a loop here to end it then: kubectl failover watch {place}, or by hand: {by_hand}"
        ),
        Runner::Upstream => {
            format!(
                "Linkerd's failover controller keeps it, and does not end it: by hand: {by_hand}"
            )
        }
        Runner::Unknown => {
            format!("whether a loop runs here to end it then is not known; by hand: {by_hand}")
        }
    })
}

impl ForceOrder {
    fn target(&self, group: &Group) -> Result<usize, Refusal> {
        let fallbacks: Vec<usize> = (0..group.backends.len())
            .filter(|&i| group.backend_name(i) != group.home_name())
            .collect();
        let names = || {
            group
                .backends
                .iter()
                .map(|backend| backend.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let refusal = |reason: String| Refusal {
            danger: None,
            may_pass: false,
            reason,
            next: format!("name a backend with --to: {}", names()),
        };
        match (&self.to, fallbacks.as_slice()) {
            (Some(to), _) => group
                .named(to)
                .ok_or_else(|| Refusal::no_backend(group, to, "--to")),
            (None, [only]) => Ok(*only),
            (None, []) => Err(refusal("the group has no fallback".to_owned())),
            (None, _) => Err(refusal("the group has several fallbacks".to_owned())),
        }
    }

    /// Who stays to end it could not end it under a pause.
    fn refuse_paused(
        &self,
        group: &Group,
        seen: &Preflight,
        until: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        let (Some(pause), Some(until)) = (&group.paused, until.filter(|_| self.waits)) else {
            return Ok(());
        };
        if pause.is_over(until) {
            return Ok(());
        }
        Err(Refusal {
            danger: None,
            may_pass: false,
            reason: format!(
                "it is {}, which would keep --wait from ending the force",
                order::paused(pause)
            ),
            next: format!(
                "end the pause first: {}; or force without --wait",
                command_on("resume", &group.id, &seen.place)
            ),
        })
    }

    fn refuse_unready(
        &self,
        group: &Group,
        seen: &Preflight,
        target: usize,
    ) -> Result<(), Refusal> {
        let name = group.backend_name(target);
        let slices = || format!("look at it: {}", slices_of(&seen.kubectl, name));
        let (danger, reason, next) = match seen.readiness.get(target) {
            Some(Readiness::Unknown { why }) => (
                Danger::Unknown,
                format!("whether {name} is ready is not known: {why}"),
                seen.how_to_know(why).unwrap_or_else(|| match why {
                    WhyUnknown::Remote { cluster, .. } => {
                        format!("see whether cluster {cluster} can be reached")
                    }
                    _ => slices(),
                }),
            ),
            Some(Readiness::Missing) => (
                Danger::Unready,
                format!("Service {name} does not exist"),
                format!("see which there are: {} get service", seen.kubectl),
            ),
            Some(readiness) if readiness.is_dead() => {
                let total = readiness.counts().map_or(0, |(_, total)| total);
                let side = readiness
                    .side()
                    .map_or(String::new(), |side| format!(": {}", side.words(0, total)));
                (
                    Danger::Unready,
                    format!("{name} has no ready endpoint{side}"),
                    slices(),
                )
            }
            _ => return Ok(()),
        };
        if self.allow.contains(&danger) {
            return Ok(());
        }
        Err(Refusal {
            danger: Some(danger),
            may_pass: false,
            reason,
            next,
        })
    }
}
