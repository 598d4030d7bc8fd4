//! `pause` and `resume`: the loop leaves groups alone, or takes them up again.

use std::time::Duration;

use crate::access::rights::RbacCommand;
use crate::changes::order;
use crate::changes::order::{ChangePlan, Order, Preflight, Refusal};
use crate::cli::{GlobalArgs, PauseArgs, ResumeArgs};
use crate::model::{Pause, Runner, Status, UPSTREAM_IGNORES_PAUSES};
use crate::problem::Exit;
use crate::resource::Change;

pub async fn pause(flags: &GlobalArgs, args: &PauseArgs) -> anyhow::Result<Exit> {
    let cluster = super::connect(RbacCommand::Pause, flags, &args.change.remotes).await?;
    let pausing = PauseOrder {
        reason: args.reason.clone(),
        duration: args.duration,
    };
    let records = order::chosen(&cluster, flags, &args.groups, &pausing).await?;
    order::check_duration(&cluster, args.duration)?;
    order::carry_out(&cluster, records, &args.change, false, &pausing)
        .await?
        .exit
}

pub async fn resume(flags: &GlobalArgs, args: &ResumeArgs) -> anyhow::Result<Exit> {
    let cluster = super::connect(RbacCommand::Resume, flags, &args.change.remotes).await?;
    order::run(
        &cluster,
        flags,
        &args.groups,
        &args.change,
        false,
        &ResumeOrder,
    )
    .await
}

struct PauseOrder {
    reason: Option<String>,
    duration: Option<Duration>,
}

impl Order for PauseOrder {
    fn name(&self) -> &'static str {
        "pause"
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let group = seen.valid()?;
        let until = self
            .duration
            .and_then(|duration| order::end(seen.started, duration));
        let standing = group
            .paused
            .as_ref()
            .filter(|pause| !pause.is_over(seen.now));
        if standing.is_some_and(|pause| until.is_none() && pause.until.is_none()) {
            return Ok(ChangePlan::Unchanged("paused already".to_owned()));
        }
        let pause = Pause {
            by: seen.by.clone(),
            at: Some(seen.now),
            until,
            reason: self.reason.clone(),
        };
        let until = until
            .map(|until| format!(" until {until:.0}"))
            .unwrap_or_default();
        let replaced = standing
            .map(|earlier| format!("; it was {}", order::paused(earlier)))
            .unwrap_or_default();
        let change = Change::builder()
            .pause(&pause)
            .build()
            .map_err(|_| Refusal::unwritable())?;
        Ok(ChangePlan::Change {
            change: Box::new(change),
            words: format!("paused{until}{replaced}{}", owner(seen)),
        })
    }

    fn after(&self, status: &Status, _place: &str) -> Vec<String> {
        let warning = (status.runner == Runner::Upstream)
            .then(|| format!("warning: {UPSTREAM_IGNORES_PAUSES}"));
        warning.into_iter().collect()
    }
}

/// A warning: the annotation may not last.
fn owner(seen: &Preflight) -> String {
    let warning = |owner| format!(" (warning: {owner} owns the object, and may undo it)");
    seen.owner.map(warning).unwrap_or_default()
}

struct ResumeOrder;

impl Order for ResumeOrder {
    fn name(&self) -> &'static str {
        "resume"
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        if seen.valid()?.paused.is_none() {
            return Ok(ChangePlan::Unchanged("not paused".to_owned()));
        }
        let change = Change::builder()
            .resume()
            .build()
            .map_err(|_| Refusal::unwritable())?;
        Ok(ChangePlan::Change {
            change: Box::new(change),
            words: format!("resumed{}", owner(seen)),
        })
    }
}
