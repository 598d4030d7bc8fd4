//! When a loop ends that would go on.

use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use crate::cluster::Cluster;
use crate::commands::conditions::{asked, missing, not_met, words};
use crate::commands::selection::place_of;
use crate::model::Condition;
use crate::observe::{Observer, Scope};
use crate::view::terminal::say;

/// Why the loops were told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By a signal, or because the time to run is over.
    Asked,
    /// What was to be done in time was not.
    OutOfTime,
}

/// The first SIGINT or SIGTERM; a second one ends the process at once.
///
/// # Errors
/// Where signals can't be listened for.
pub fn signalled() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for signals")?;
    Ok(async move {
        next(&mut interrupt, &mut terminate).await;
        say("ending; Ctrl-C again ends at once");
        tokio::spawn(async move {
            next(&mut interrupt, &mut terminate).await;
            std::process::exit(130);
        });
    })
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// What limits a run in time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// End well after this time.
    pub run_for: Option<Duration>,
    /// This was too long.
    pub timeout: Option<Duration>,
}

/// The end of the time.
pub async fn time_is_up(Limits { run_for, timeout }: Limits) -> End {
    let started = Instant::now();
    tokio::select! {
        () = after(started, run_for) => {
            say("the time to run is over; ending");
            End::Asked
        }
        () = after(started, timeout) => End::OutOfTime,
    }
}

async fn after(started: Instant, time: Option<Duration>) {
    match time.and_then(|time| started.checked_add(time)) {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// Until the conditions hold of every group; forever where there are none.
///
/// # Errors
/// Where they do not in time, or the groups can't be read.
pub async fn met(
    cluster: &Cluster,
    scope: Scope,
    conditions: &[Condition],
    timeout: Option<Duration>,
) -> anyhow::Result<()> {
    if conditions.is_empty() {
        return std::future::pending().await;
    }
    let started = Instant::now();
    let place = place_of(cluster, scope.namespace.as_deref());
    let mut observer = Observer::start(cluster, scope);
    let mut sight = None;
    loop {
        tokio::select! {
            biased;
            () = after(started, timeout) => {
                let words = words(sight.as_ref(), &missing(sight.as_ref(), conditions), &place);
                return Err(not_met(&words, conditions, timeout.unwrap_or_default()).into());
            }
            seen = observer.next() => sight = Some(seen?),
        }
        if missing(sight.as_ref(), conditions).is_empty() {
            say(&format!("met: {}; ending", asked(conditions)));
            return Ok(());
        }
    }
}
