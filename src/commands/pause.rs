//! `pause` and `resume`: the loop leaves groups alone, or takes them up again.

use jiff::Timestamp;

use super::order::{self, Order, Plan, Refusal, Seen};
use crate::cli::{GlobalArgs, PauseArgs, ResumeArgs};
use crate::cluster::Cluster;
use crate::error::{Exit, Problem};
use crate::model::Pause;
use crate::resource::Change;

pub async fn pause(flags: &GlobalArgs, args: &PauseArgs) -> anyhow::Result<Exit> {
    let cluster = Cluster::connect(flags).await?;
    let pausing = Pausing { reason: args.reason.clone(), until: None };
    let records = order::chosen(&cluster, flags, &args.groups, &pausing).await?;
    // The list that was just answered has told the API server's time.
    let until = match args.duration {
        None => None,
        Some(duration) => {
            let until = cluster.clock().now().checked_add(duration).ok();
            Some(until.ok_or_else(|| Problem::usage("--duration is too long"))?)
        }
    };
    let pausing = Pausing { until, ..pausing };
    order::carry_out(&cluster, records, &args.change, false, &pausing).await
}

pub async fn resume(flags: &GlobalArgs, args: &ResumeArgs) -> anyhow::Result<Exit> {
    order::run(flags, &args.groups, &args.change, false, &Resuming).await
}

struct Pausing {
    reason: Option<String>,
    until: Option<Timestamp>,
}

impl Order for Pausing {
    fn name(&self) -> &'static str {
        "pause"
    }

    fn plan(&self, seen: &Seen) -> Result<Plan, Refusal> {
        let group = seen.valid()?;
        let standing = group.paused.as_ref().filter(|pause| !pause.is_over(seen.now));
        if standing.is_some_and(|pause| self.until.is_none() && pause.until.is_none()) {
            return Ok(Plan::Unchanged("paused already".to_owned()));
        }
        let pause =
            Pause { by: seen.by.clone(), at: Some(seen.now), until: self.until, reason: self.reason.clone() };
        let until = self.until.map(|until| format!(" until {until:.0}")).unwrap_or_default();
        let change = Change::default().pausing(&pause).map_err(|_| Refusal::unwritable())?;
        Ok(Plan::Change { change: Box::new(change), words: format!("paused{until}") })
    }
}

struct Resuming;

impl Order for Resuming {
    fn name(&self) -> &'static str {
        "resume"
    }

    fn plan(&self, seen: &Seen) -> Result<Plan, Refusal> {
        if seen.valid()?.paused.is_none() {
            return Ok(Plan::Unchanged("not paused".to_owned()));
        }
        let change = Change::default().resuming();
        Ok(Plan::Change { change: Box::new(change), words: "resumed".to_owned() })
    }
}
