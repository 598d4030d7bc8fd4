//! `failback`: ends a force, or a stay on a fallback, and moves the traffic home.

use super::order::{self, Order, Plan, Refusal, Seen};
use super::ready;
use crate::cli::{Danger, FailbackArgs, GlobalArgs};
use crate::cluster::Cluster;
use crate::error::Exit;
use crate::model::operate::{self, Ends, Returned};
use crate::model::{Group, Readiness, Weights};
use crate::resource::Change;

pub async fn run(flags: &GlobalArgs, args: &FailbackArgs) -> anyhow::Result<Exit> {
    let cluster = Cluster::connect(flags).await?;
    let failback =
        Failback { home: args.home.clone(), reason: args.reason.clone(), allow: args.allow.clone() };
    let mut records = order::chosen(&cluster, flags, &args.groups, &failback).await?;
    if args.when_ready {
        records = ready::wait(&cluster, records, args.timeout, &failback).await?;
    }
    order::carry_out(&cluster, records, &args.change, true, &failback).await
}

pub struct Failback {
    home: Option<String>,
    reason: Option<String>,
    allow: Vec<Danger>,
}

impl Order for Failback {
    fn name(&self) -> &'static str {
        "failback"
    }

    fn plan(&self, seen: &Seen) -> Result<Plan, Refusal> {
        let group = seen.valid()?;
        let named = self.named_home(group)?;
        let Some(returned) = operate::failback(group, &seen.readiness, named, seen.now) else {
            return Err(Refusal {
                danger: None,
                reason: "the override does not say which backend is home".to_owned(),
                next: format!(
                    "name it: kubectl failover failback {} --home BACKEND {}",
                    group.id.name, seen.place
                ),
            });
        };
        if returned.ends == Ends::Nothing && group.carries(returned.home) {
            return Ok(Plan::Unchanged(format!(
                "{} has the traffic already",
                group.backend_name(returned.home)
            )));
        }
        self.refuse_unready(group, &seen.readiness, &returned)?;
        seen.refuse_owner(&self.allow)?;
        self.change(group, seen, returned)
    }
}

impl Failback {
    fn named_home(&self, group: &Group) -> Result<Option<usize>, Refusal> {
        let Some(home) = &self.home else { return Ok(None) };
        let refusal = |reason: String, next: &str| Refusal { danger: None, reason, next: next.to_owned() };
        let position = group.backends.iter().position(|backend| backend.service.name == *home);
        let Some(position) = position else {
            return Err(refusal(
                format!("{home} is not a backend of this group"),
                "name one of its backends with --home",
            ));
        };
        if group.order.is_none() && position != group.primary {
            let reason = format!("{} is home, and there is no override", group.primary_name());
            return Err(refusal(
                reason,
                "to make another backend the primary, change the annotation primary-service",
            ));
        }
        Ok(Some(position))
    }

    fn refuse_unready(
        &self,
        group: &Group,
        readiness: &[Readiness],
        returned: &Returned,
    ) -> Result<(), Refusal> {
        let name = group.backend_name(returned.home);
        let Some(home) = readiness.get(returned.home) else { return Ok(()) };
        // What is said is how many endpoints make it enough for an ordinary group.
        let needed = group.policy.min_ready;
        let (danger, reason) = match (home, home.meets(needed)) {
            (_, Some(true)) => return Ok(()),
            (Readiness::Unknown { why }, _) => {
                (Danger::Unknown, format!("whether {name} is ready is not known: {why}"))
            }
            (Readiness::Missing, _) => (Danger::Unready, format!("Service {name} does not exist")),
            (home, _) => {
                let (ready, total) = home.counts().unwrap_or_default();
                let needed = needed.needed(total);
                (Danger::Unready, format!("{name} has {ready} of {total} endpoints ready, {needed} needed"))
            }
        };
        if matches!(returned.ends, Ends::BrokenOverride { .. }) || self.allow.contains(&danger) {
            return Ok(());
        }
        let next = format!("to wait for it: kubectl failover failback {} --when-ready", group.id.name);
        Err(Refusal { danger: Some(danger), reason, next })
    }

    fn change(&self, group: &Group, seen: &Seen, returned: Returned) -> Result<Plan, Refusal> {
        let home = group.backend_name(returned.home);
        let (change, words) = match returned.ends {
            Ends::Override => {
                (Change::default().ending_override(Some(home)), "the override is ended".to_owned())
            }
            Ends::BrokenOverride { sets_home } => (
                Change::default().ending_override(sets_home.then_some(home)),
                "the broken override is taken away".to_owned(),
            ),
            Ends::Nothing if returned.weights == Weights::Hold => return Ok(Plan::Unchanged(returned.why)),
            Ends::Nothing => (Change::default(), format!("sent home to {home}")),
        };
        let change = change.noting(&returned.notes, seen.now);
        let Weights::Set(weights) = &returned.weights else {
            return Ok(Plan::Change { change: Box::new(change), words });
        };
        let reason = self.reason.as_ref().unwrap_or(&returned.why);
        let change = change
            .moving(group, weights, &seen.by, &format!("failback: {reason}"), returned.unverified, seen.now)
            .map_err(|_| Refusal::unwritable())?;
        Ok(Plan::Change { change: Box::new(change), words })
    }
}
