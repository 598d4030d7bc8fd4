//! `pause` and `resume`: stop `watch` from changing groups, and allow it again.

use std::time::Duration;

use super::args::targets::{check_named, targets};
use super::env::CommandEnv;
use crate::changes::order::{ChangePlan, Order, OrderSpec, check_duration, expiry};
use crate::changes::precondition;
use crate::changes::preflight::Preflight;
use crate::changes::refusal::Refusal;
use crate::cli::{PauseArgs, ResumeArgs};
use crate::model::{Pause, Runner, Status, UPSTREAM_IGNORES_PAUSES};
use crate::problem::Exit;
use crate::resource::Change;

pub async fn pause(env: &CommandEnv, args: &PauseArgs) -> anyhow::Result<Exit> {
    check_named(env, &args.groups, "pause")?;
    let cluster = env.connect(&args.change.remotes).await?;
    let order = PauseOrder {
        reason: args.reason.clone(),
        duration: args.duration,
    };
    let records = targets(env, &cluster, &args.groups).await?;
    check_duration(&cluster, args.duration)?;
    env.execution(&cluster, &order, &args.change)
        .run(records)
        .await
}

pub async fn resume(env: &CommandEnv, args: &ResumeArgs) -> anyhow::Result<Exit> {
    check_named(env, &args.groups, "resume")?;
    let cluster = env.connect(&args.change.remotes).await?;
    let records = targets(env, &cluster, &args.groups).await?;
    env.execution(&cluster, &ResumeOrder, &args.change)
        .run(records)
        .await
}

struct PauseOrder {
    reason: Option<String>,
    duration: Option<Duration>,
}

impl Order for PauseOrder {
    fn spec(&self) -> OrderSpec {
        OrderSpec::new("pause")
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let group = seen.valid()?;
        let until = self
            .duration
            .and_then(|duration| expiry(seen.started, duration));
        let standing = group
            .paused
            .as_ref()
            .filter(|pause| !pause.is_over(seen.now));
        if standing.is_some_and(|pause| until.is_none() && pause.until.is_none()) {
            return Ok(ChangePlan::Unchanged("already paused".to_owned()));
        }
        let pause = Pause {
            by: seen.by.clone(),
            at: Some(seen.now),
            until,
            reason: self.reason.clone(),
        };
        let mut words = "paused".to_owned();
        if let Some(until) = until {
            words += &format!(" until {until:.0}");
        }
        if let Some(earlier) = standing {
            words += &format!(" (was {})", precondition::paused(earlier));
        }
        words += &owner_warning(seen);
        ChangePlan::build(Change::builder().pause(&pause), words)
    }

    fn after(&self, status: &Status, _place: &str) -> Vec<String> {
        let warning = (status.runner == Runner::Upstream)
            .then(|| format!("warning: {UPSTREAM_IGNORES_PAUSES}"));
        warning.into_iter().collect()
    }
}

fn owner_warning(seen: &Preflight) -> String {
    let warning = |owner| format!(" (warning: {owner} owns the object and may undo this)");
    seen.owner.map(warning).unwrap_or_default()
}

struct ResumeOrder;

impl Order for ResumeOrder {
    fn spec(&self) -> OrderSpec {
        OrderSpec::new("resume")
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        if seen.valid()?.paused.is_none() {
            return Ok(ChangePlan::Unchanged("not paused".to_owned()));
        }
        let words = format!("resumed{}", owner_warning(seen));
        ChangePlan::build(Change::builder().resume(), words)
    }
}
