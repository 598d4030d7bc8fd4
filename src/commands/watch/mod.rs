//! `watch`: runs the controller for one or several clusters or namespaces, until it is done or has to
//! stop.

pub mod hook_process;
pub mod hooks;
pub mod journal_file;
pub mod limits;
pub mod metrics_server;
pub mod outcome;
pub mod printer;
pub mod run;
pub mod several;

use std::cell::Cell;

use anyhow::Context as _;
use hooks::Hooks;
use journal_file::JournalFile;
use limits::{Limits, ShutdownReason};
use metrics_server::MetricsServer;
use run::WatchRun;

use super::args::contexts::{ContextSelection, each, unique};
use super::args::selection::parse_selector;
use super::env::CommandEnv;
use crate::cli::{MetricsDetail, WatchArgs};
use crate::observe::ObserveScope;
use crate::problem::Exit;
use crate::watch::Metrics;

pub async fn run(env: &CommandEnv, args: WatchArgs) -> anyhow::Result<Exit> {
    let mut env = env.clone();
    // A request that never ends would stop the controller.
    let limit = env.flags.request_timeout.filter(|limit| !limit.is_zero());
    env.flags.request_timeout = limit;
    env.streams.queue().context("queueing the output")?;
    let (asked_to_stop, second_signal) = limits::signals(env.streams.clone())?;
    let run = WatchRun {
        metrics: Metrics::new(
            args.metrics.is_some() && args.metrics_detail == MetricsDetail::Groups,
        ),
        hooks: args
            .on_transition
            .as_ref()
            .map(|command| Hooks::start(command, args.hook_events.clone()))
            .transpose()?,
        journal: args
            .journal
            .as_deref()
            .map(JournalFile::start)
            .transpose()?,
        args,
    };
    let work = async {
        let exit = run_all(&env, &run, asked_to_stop).await;
        if let Some(hooks) = run.hooks {
            hooks.finish().await;
        }
        if let Some(journal) = &run.journal {
            journal.finish();
        }
        env.streams.check()?;
        exit
    };
    tokio::select! {
        exit = work => exit,
        // Dropping the work kills the hooks.
        signal = second_signal => Ok(Exit::Passed(signal.code())),
    }
}

async fn run_all(
    env: &CommandEnv,
    run: &WatchRun,
    asked_to_stop: impl Future<Output = ()>,
) -> anyhow::Result<Exit> {
    let (contexts, namespaces) = (&run.args.contexts, &run.args.namespaces);
    let each = if contexts.is_empty() {
        unique(namespaces)
            .map(|name| env.in_namespace(name))
            .collect()
    } else {
        each(env, ContextSelection::Named(contexts))?
    };
    env.streams.say_with_time(if run.args.dry_run {
        "dry run: this watch only prints what it would do"
    } else {
        "this watch moves traffic by itself; when it ends, traffic stays where it is"
    });
    let _server = match run.args.metrics {
        Some(address) => {
            Some(MetricsServer::start(address, run.metrics.clone(), &env.streams).await?)
        }
        None => None,
    };
    if each.is_empty() {
        run_one(env, run, asked_to_stop).await
    } else {
        several::run(env, &each, run, asked_to_stop).await
    }
}

/// Runs the controller of one cluster.
async fn run_one(
    env: &CommandEnv,
    run: &WatchRun,
    asked_to_stop: impl Future<Output = ()>,
) -> anyhow::Result<Exit> {
    tokio::pin!(asked_to_stop);
    let cluster = tokio::select! {
        () = &mut asked_to_stop => return Ok(Exit::Done),
        cluster = env.connect(&run.args.remotes) => cluster?,
    };
    let scope = ObserveScope {
        namespace: env.namespace(&cluster),
        selector: parse_selector(run.args.selector.as_deref())?,
        names: Vec::new(),
    };
    let until = &run.args.until;
    let limits = Limits {
        run_for: run.args.run_for,
        // With conditions, the timeout is theirs.
        timeout: run.args.timeout.filter(|_| until.is_empty()),
    };
    let unmet = Cell::new(None);
    let stop = async {
        tokio::select! {
            () = asked_to_stop => ShutdownReason::Asked,
            () = env.streams.closed() => ShutdownReason::Asked,
            reason = limits::time_is_up(limits, &env.streams) => reason,
            met = limits::conditions_met(&cluster, scope, until, run.args.timeout, &env.streams) => {
                unmet.set(met.err());
                ShutdownReason::Asked
            }
        }
    };
    let ended = run.run(env, &cluster, stop).await?;
    unmet.take().map_or(Ok(ended.exit), Err)
}
