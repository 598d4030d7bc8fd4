//! `force`: moves the traffic to a backend by hand, and keeps it there.

use std::time::Duration;

use jiff::Timestamp;

use super::order::{self, Order, Plan, Refusal, Seen};
use super::stay;
use crate::cli::{Danger, DryRun, ForceArgs, GlobalArgs};
use crate::cluster::Cluster;
use crate::error::{Exit, Problem};
use crate::model::operate::{self, Forced, Wish};
use crate::model::{Group, Readiness, Runner, Status, Weights};
use crate::resource::Change;

pub async fn run(flags: &GlobalArgs, args: &ForceArgs) -> anyhow::Result<Exit> {
    let cluster = Cluster::connect(flags).await?;
    let force = Force {
        to: args.to.clone(),
        reason: args.reason.clone(),
        until: None,
        allow: args.allow.clone(),
        waits: args.wait,
    };
    let records = order::chosen(&cluster, flags, &args.groups, &force).await?;
    // The list that was just answered has told the API server's time.
    let until = args.duration.map(|duration| end(&cluster, duration)).transpose()?;
    let force = Force { until, ..force };
    let exit = order::carry_out(&cluster, records.clone(), &args.change, true, &force).await?;
    match until {
        Some(until) if args.wait && exit == Exit::Done && args.change.dry_run == DryRun::None => {
            stay::until_over(&cluster, &records, until, args.timeout).await
        }
        _ => Ok(exit),
    }
}

fn end(cluster: &Cluster, duration: Duration) -> Result<Timestamp, Problem> {
    let end = cluster.clock().now().checked_add(duration).ok();
    let end = end.and_then(|end| end.round(jiff::Unit::Second).ok());
    end.ok_or_else(|| Problem::usage("--duration is too long"))
}

struct Force {
    to: Option<String>,
    reason: Option<String>,
    until: Option<Timestamp>,
    allow: Vec<Danger>,
    waits: bool,
}

impl Order for Force {
    fn name(&self) -> &'static str {
        "force"
    }

    fn fears_conflicts(&self) -> bool {
        true
    }

    fn plan(&self, seen: &Seen) -> Result<Plan, Refusal> {
        let group = seen.valid()?;
        let target = self.target(group)?;
        let wish = Wish { to: target, until: self.until, reason: self.reason.clone(), by: seen.by.clone() };
        let forced = operate::force(group, &seen.readiness, &wish, seen.now);
        let Forced::Order { order, weights, unverified, notes } = forced else {
            return Ok(Plan::Unchanged(format!("{} is forced already", group.backend_name(target))));
        };
        self.refuse_unready(group, seen, target)?;
        seen.refuse_conflicts(&self.allow)?;
        let why = match &self.reason {
            Some(reason) => format!("forced to {}: {reason}", order.to),
            None => format!("forced to {}", order.to),
        };
        let until = order.until.map(|until| format!(" until {until:.0}")).unwrap_or_default();
        let words = format!("forced to {}{until}", order.to);
        let change = Change::default().overriding(&order).map_err(|_| Refusal::unwritable())?;
        let change = change.noting(&notes, seen.now);
        let change = match weights {
            Weights::Hold => change,
            Weights::Set(weights) => change
                .moving(group, &weights, &seen.by, &why, unverified, seen.now)
                .map_err(|_| Refusal::unwritable())?,
        };
        Ok(Plan::Change { change: Box::new(change), words })
    }

    fn after(&self, status: &Status) -> Option<String> {
        let unended = self.until.is_some() && !self.waits && status.runner == Runner::Nobody;
        unended.then(|| {
            "nobody runs a loop here to end it then: kubectl failover watch, or failback by hand".to_owned()
        })
    }
}

impl Force {
    fn target(&self, group: &Group) -> Result<usize, Refusal> {
        let fallbacks: Vec<usize> =
            (0..group.backends.len()).filter(|&i| group.backend_name(i) != group.home_name()).collect();
        let names = || {
            group.backends.iter().map(|backend| backend.service.name.clone()).collect::<Vec<_>>().join(", ")
        };
        let refusal = |reason: String| Refusal {
            danger: None,
            reason,
            next: format!("name a backend with --to: {}", names()),
        };
        match (&self.to, fallbacks.as_slice()) {
            (Some(to), _) => group
                .backends
                .iter()
                .position(|backend| backend.service.name == *to)
                .ok_or_else(|| refusal(format!("{to} is not a backend of this group"))),
            (None, [only]) => Ok(*only),
            (None, []) => Err(refusal("the group has no fallback".to_owned())),
            (None, _) => Err(refusal("the group has several fallbacks".to_owned())),
        }
    }

    fn refuse_unready(&self, group: &Group, seen: &Seen, target: usize) -> Result<(), Refusal> {
        let name = group.backend_name(target);
        let (danger, reason) = match seen.readiness.get(target) {
            Some(Readiness::Unknown { why }) => {
                (Danger::Unknown, format!("whether {name} is ready is not known: {why}"))
            }
            Some(Readiness::Missing) => (Danger::Unready, format!("Service {name} does not exist")),
            Some(readiness) if readiness.is_dead() => {
                (Danger::Unready, format!("{name} has no ready endpoint"))
            }
            _ => return Ok(()),
        };
        if self.allow.contains(&danger) {
            return Ok(());
        }
        let next = format!(
            "look at it: kubectl {} get endpointslice -l kubernetes.io/service-name={name}",
            seen.place
        );
        Err(Refusal { danger: Some(danger), reason, next })
    }
}
