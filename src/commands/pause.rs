//! `pause` and `resume`: stop `watch` from changing groups, and allow it again.

use std::collections::BTreeSet;

use super::args::targets::change_targets;
use super::env::CommandEnv;
use crate::changes::order::{ChangePlan, Order, OrderSpec, expiry};
use crate::changes::precondition;
use crate::changes::preflight::Preflight;
use crate::changes::refusal::Refusal;
use crate::cli::{PauseArgs, ResumeArgs};
use crate::model::{Pause, Runner, Status, UPSTREAM_IGNORES_PAUSES};
use crate::problem::Exit;
use crate::resource::Change;
use crate::text::ConnectionFlags;

pub async fn pause(env: &CommandEnv, args: &PauseArgs) -> anyhow::Result<Exit> {
    change_targets(env, args, &args.groups, &args.change, args.duration).await
}

pub async fn resume(env: &CommandEnv, args: &ResumeArgs) -> anyhow::Result<Exit> {
    change_targets(env, args, &args.groups, &args.change, None).await
}

impl Order for PauseArgs {
    fn spec(&self) -> OrderSpec {
        OrderSpec {
            asks: self.groups.may_be_many(),
            ..OrderSpec::new("pause")
        }
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let group = seen.valid()?;
        let until = expiry(seen.started, self.duration);
        let standing = group.paused.as_ref();
        let standing = standing.filter(|pause| !pause.is_over(seen.now));
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
        ChangePlan::build(Change::builder().pause(&pause).build(), words)
    }

    fn after(&self, status: &Status, _reach: &ConnectionFlags) -> Vec<String> {
        let upstream = (status.runner == Runner::Upstream)
            .then(|| format!("warning: {UPSTREAM_IGNORES_PAUSES}"));
        let standing = status.avoid.iter().filter(|it| it.stands());
        // Several evacuations can be of one backend.
        let evacuated: BTreeSet<&str> = standing
            .flat_map(|it| it.entry.backends.iter().map(String::as_str))
            .collect();
        let evacuated = (!evacuated.is_empty()).then(|| {
            format!(
                "warning: while it is paused, nothing keeps the traffic off {}, and no evacuation \
                 expires",
                Vec::from_iter(evacuated).join(", ")
            )
        });
        upstream.into_iter().chain(evacuated).collect()
    }
}

fn owner_warning(seen: &Preflight) -> String {
    let warning = |owner| format!(" (warning: {owner} owns the object and may undo this)");
    seen.owner.as_deref().map(warning).unwrap_or_default()
}

impl Order for ResumeArgs {
    fn spec(&self) -> OrderSpec {
        OrderSpec {
            asks: self.groups.may_be_many(),
            ..OrderSpec::new("resume")
        }
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        if seen.valid()?.paused.is_none() {
            return Ok(ChangePlan::Unchanged("not paused".to_owned()));
        }
        let words = format!("resumed{}", owner_warning(seen));
        ChangePlan::build(Change::builder().resume().build(), words)
    }
}
