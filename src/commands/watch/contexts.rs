//! A loop for each of several clusters. None disturbs another.

use std::time::Duration;

use futures::future::try_join_all;
use tokio::sync::watch::{self, Receiver};

use super::limits::{Ending, Limits, signalled, time_is_up};
use super::{Ended, WatchPlan, run_loop};
use crate::access::rights::RbacCommand;
use crate::cli::GlobalArgs;
use crate::commands::args::contexts;
use crate::error::Report;
use crate::output::streams::{Streams, is_stdout_error};
use crate::output::terminal::say;
use crate::problem::Exit;

/// How long to wait before a cluster that could not be run is tried again: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub async fn run(each: &[GlobalArgs], plan: &WatchPlan) -> anyhow::Result<Exit> {
    let streams = Streams::process();
    let signalled = signalled()?;
    each.iter()
        .filter_map(|flags| flags.context.as_deref())
        .for_each(|context| plan.metrics.expect(context));
    let (told, heard) = watch::channel(None);
    let loops = try_join_all(
        each.iter()
            .map(|flags| keep_running(flags, plan, heard.clone())),
    );
    tokio::pin!(loops);
    let limits = Limits {
        run_for: plan.run_for,
        timeout: plan.timeout,
    };
    let end = tokio::select! {
        exits = &mut loops => return exits.map(|exits| worst(&exits)),
        () = signalled => Ending::Asked,
        () = streams.closed() => Ending::Asked,
        end = time_is_up(limits) => end,
    };
    told.send_replace(Some(end));
    loops.await.map(|exits| worst(&exits))
}

/// Runs the loop of one cluster, again and again where it can't be run. Gives how that ended, once it has been said.
///
/// # Errors
/// Where standard output can't be written any more.
async fn keep_running(
    flags: &GlobalArgs,
    plan: &WatchPlan,
    mut heard: Receiver<Option<Ending>>,
) -> anyhow::Result<Exit> {
    let context = flags.context.as_deref().unwrap_or_default();
    let (mut pause, mut said) = (FIRST_PAUSE, None);
    loop {
        let told = match run_once(flags, plan, heard.clone()).await {
            // What was broken to the end has failed.
            Ok(Ended { began: false, .. }) if said.is_some() => return Ok(Exit::Failed),
            Ok(ended) => return Ok(ended.exit),
            Err(error) if is_stdout_error(&error) => return Err(error),
            Err(error) => Report::of(&error),
        };
        let is_final = plan.once || told.exit != Exit::Failed || heard.borrow().is_some();
        if said.as_ref() != Some(&told) {
            if Streams::process().logs_json() {
                tracing::error!(context, next = told.next.join("; "), "{}", told.message);
            } else {
                told.lines("error")
                    .iter()
                    .for_each(|line| say(&format!("{context}: {line}")));
            }
            if !is_final {
                say(&format!(
                    "{context}: this one is tried again, at least every {} s",
                    LONGEST_PAUSE.as_secs()
                ));
            }
        }
        if is_final {
            return Ok(told.exit);
        }
        said = Some(told);
        if tokio::time::timeout(pause, told_to_end(&mut heard))
            .await
            .is_ok()
        {
            return Ok(Exit::Failed);
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

async fn run_once(
    flags: &GlobalArgs,
    plan: &WatchPlan,
    mut heard: Receiver<Option<Ending>>,
) -> anyhow::Result<Ended> {
    let cluster = tokio::select! {
        _ = told_to_end(&mut heard) => return Ok(Ended { exit: Exit::Done, began: false }),
        cluster = contexts::connect(RbacCommand::Watch, flags, &plan.remotes) => cluster?,
    };
    run_loop(&cluster, flags, plan, told_to_end(&mut heard)).await
}

async fn told_to_end(heard: &mut Receiver<Option<Ending>>) -> Ending {
    match heard.wait_for(Option::is_some).await {
        Ok(end) => end.unwrap_or(Ending::Asked),
        Err(_) => Ending::Asked,
    }
}

/// The one that says most of what is wrong: an error, then what was refused, then what was not met in time.
fn worst(exits: &[Exit]) -> Exit {
    let order = [Exit::Failed, Exit::Refused, Exit::NotMet];
    order
        .into_iter()
        .find(|exit| exits.contains(exit))
        .unwrap_or(Exit::Done)
}
