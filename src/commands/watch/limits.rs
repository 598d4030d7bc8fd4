//! When a loop ends that would go on.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::hooks;
use crate::cluster::Clusters;
use crate::commands::args::conditions::{asked, missing, not_met, words};
use crate::commands::args::selection::place_of;
use crate::model::Condition;
use crate::observe::{ObserveScope, Observer};
use crate::output::terminal::say;
use crate::process::signals::{Interrupted, Interrupts};

/// Why the loops were told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By a signal, or because the time to run is over.
    Asked,
    /// What was to be done in time was not.
    OutOfTime,
}

/// The first signal that asks for the end; a second one ends the process at once, and the hooks with it.
///
/// # Errors
/// Where signals can't be listened for.
pub fn signalled() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupts = Interrupts::listen()?;
    Ok(async move {
        say(words_on(interrupts.next().await));
        tokio::spawn(async move {
            let second = interrupts.next().await;
            hooks::kill_all();
            std::process::exit(second.code().into());
        });
    })
}

fn words_on(first: Interrupted) -> &'static str {
    match first.name() {
        "SIGINT" => "ending; Ctrl-C again ends at once",
        "SIGTERM" => "ending, as SIGTERM asks; a second signal ends at once",
        _ => "ending, as the terminal is gone (SIGHUP); a second signal ends at once",
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
pub async fn time_is_up(Limits { run_for, timeout }: Limits) -> Ending {
    let started = Instant::now();
    tokio::select! {
        () = after(started, run_for) => {
            say("the time to run is over; ending");
            Ending::Asked
        }
        () = after(started, timeout) => Ending::OutOfTime,
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
    cluster: &Clusters,
    scope: ObserveScope,
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
