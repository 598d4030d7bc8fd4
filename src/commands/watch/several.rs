//! `watch --contexts` and `watch --namespaces`: a controller for each of several clusters, or of
//! several namespaces of one cluster. They do not affect each other.

use std::time::Duration;

use futures::future::try_join_all;
use tokio::sync::watch::{self, Receiver};

use super::limits::{Limits, ShutdownReason, time_is_up};
use super::run::{Ended, WatchRun};
use crate::cli::GlobalArgs;
use crate::commands::args::contexts;
use crate::commands::env::CommandEnv;
use crate::output::streams::is_stdout_error;
use crate::problem::{Exit, Problem};

/// The first and the longest delay before a failed controller is started again.
const MIN_RESTART_DELAY: Duration = Duration::from_secs(1);
const MAX_RESTART_DELAY: Duration = Duration::from_secs(30);

pub async fn run(
    env: &CommandEnv,
    each: &[CommandEnv],
    run: &WatchRun,
    asked_to_stop: impl Future<Output = ()>,
) -> anyhow::Result<Exit> {
    for env in each {
        run.metrics.expect(run.name(env));
    }
    let (stop, stopped) = watch::channel(None);
    let running = each
        .iter()
        .map(|env| keep_running(env, run, stopped.clone()));
    let running = try_join_all(running);
    tokio::pin!(running);
    let limits = Limits {
        run_for: run.args.run_for,
        timeout: run.args.timeout,
    };
    let reason = tokio::select! {
        exits = &mut running => return exits.map(|exits| worst(&exits)),
        () = asked_to_stop => ShutdownReason::Asked,
        () = env.streams.closed() => ShutdownReason::Asked,
        reason = time_is_up(limits, &env.streams) => reason,
    };
    stop.send_replace(Some(reason));
    running.await.map(|exits| worst(&exits))
}

/// Runs one controller, and restarts it after a failure. Reports how it ended, then
/// returns its exit code.
///
/// # Errors
/// If standard output cannot be written.
async fn keep_running(
    env: &CommandEnv,
    run: &WatchRun,
    mut stopped: Receiver<Option<ShutdownReason>>,
) -> anyhow::Result<Exit> {
    let (mut delay, mut reported) = (MIN_RESTART_DELAY, None);
    loop {
        let report = match run_once(env, run, stopped.clone()).await {
            // After a failure, a controller that stops before it began counts as failed.
            Ok(Ended { began: false, .. }) if reported.is_some() => return Ok(Exit::Failed),
            Ok(ended) => return Ok(ended.exit),
            Err(error) if is_stdout_error(&error) => return Err(error),
            Err(error) => Problem::of(&error),
        };
        let is_final = run.args.once || report.exit != Exit::Failed || stopped.borrow().is_some();
        if reported.as_ref() != Some(&report) {
            say_report(env, run, &report);
            if !is_final {
                env.streams.say_with_time(&format!(
                    "{}: retrying, at least every {} s",
                    run.name(env),
                    MAX_RESTART_DELAY.as_secs()
                ));
            }
        }
        if is_final {
            return Ok(report.exit);
        }
        reported = Some(report);
        if tokio::time::timeout(delay, reason(&mut stopped))
            .await
            .is_ok()
        {
            return Ok(Exit::Failed);
        }
        delay = MAX_RESTART_DELAY.min(delay * 2);
    }
}

fn say_report(env: &CommandEnv, run: &WatchRun, report: &Problem) {
    if env.streams.logs_json() {
        let GlobalArgs {
            context, namespace, ..
        } = &env.flags;
        let (context, namespace) = (context.as_deref(), namespace.as_deref());
        tracing::error!(
            context,
            namespace,
            next = report.next.join("; "),
            "{}",
            report.message
        );
        return;
    }
    for line in report.lines("error") {
        env.streams
            .say_with_time(&format!("{}: {line}", run.name(env)));
    }
}

async fn run_once(
    env: &CommandEnv,
    run: &WatchRun,
    mut stopped: Receiver<Option<ShutdownReason>>,
) -> anyhow::Result<Ended> {
    let cluster = tokio::select! {
        _ = reason(&mut stopped) => return Ok(Ended { exit: Exit::Done, began: false }),
        cluster = contexts::connect(env, &run.args.remotes) => cluster?,
    };
    run.run(env, &cluster, reason(&mut stopped)).await
}

async fn reason(stopped: &mut Receiver<Option<ShutdownReason>>) -> ShutdownReason {
    match stopped.wait_for(Option::is_some).await {
        Ok(reason) => reason.unwrap_or(ShutdownReason::Asked),
        Err(_) => ShutdownReason::Asked,
    }
}

/// Returns the worst exit code: an error, then a refusal, then a timeout.
fn worst(exits: &[Exit]) -> Exit {
    [Exit::Failed, Exit::Refused, Exit::NotMet]
        .into_iter()
        .find(|exit| exits.contains(exit))
        .unwrap_or(Exit::Done)
}
