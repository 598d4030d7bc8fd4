//! What ends `watch`: signals, time limits, and conditions.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::cluster::Clusters;
use crate::commands::args::conditions::{describe, explain, timed_out, unmet};
use crate::commands::args::query::place_in_context;
use crate::model::Condition;
use crate::observe::{ObserveScope, Observer};
use crate::output::streams::Streams;
use crate::process::signals::{Interrupted, Interrupts};

/// Signals that arrive this soon after the first one belong to the same request: a terminal and a
/// supervisor may both pass it on. They do not keep the Leases from being released.
const SAME_REQUEST: Duration = Duration::from_secs(1);

/// Why the controllers stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownReason {
    /// A signal, the end of --run-for, or met conditions.
    Asked,
    /// The work was not done within --timeout.
    TimedOut,
}

/// Returns the first signal that asks for a shutdown, and the second, which asks to exit at once.
/// The first is only received while the second is polled.
///
/// # Errors
/// If signals cannot be received.
pub fn signals(
    streams: Streams,
) -> anyhow::Result<(impl Future<Output = ()>, impl Future<Output = Interrupted>)> {
    let mut interrupts = Interrupts::listen()?;
    let (sender, first) = oneshot::channel();
    let second = async move {
        let signal = interrupts.next().await.name();
        streams.say_with_time(&format!(
            "received {signal}, shutting down (again to exit immediately)"
        ));
        let _ = sender.send(());
        let first = Instant::now();
        loop {
            let signal = interrupts.next().await;
            if first.elapsed() >= SAME_REQUEST {
                return signal;
            }
        }
    };
    let first = async move {
        let _ = first.await;
    };
    Ok((first, second))
}

/// The time limits of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Shut down cleanly after this time.
    pub run_for: Option<Duration>,
    /// Fail after this time.
    pub timeout: Option<Duration>,
}

/// Returns when a limit has passed.
pub async fn time_is_up(Limits { run_for, timeout }: Limits, streams: &Streams) -> ShutdownReason {
    let started = Instant::now();
    tokio::select! {
        () = after(started, run_for) => {
            streams.say_with_time("--run-for elapsed, shutting down");
            ShutdownReason::Asked
        }
        () = after(started, timeout) => ShutdownReason::TimedOut,
    }
}

async fn after(started: Instant, time: Option<Duration>) {
    match time.and_then(|time| started.checked_add(time)) {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// Returns when every group meets the conditions; never if there are none.
///
/// # Errors
/// If the conditions are not met in time, or the groups cannot be read.
pub async fn conditions_met(
    cluster: &Clusters,
    scope: ObserveScope,
    conditions: &[Condition],
    timeout: Option<Duration>,
    streams: &Streams,
) -> anyhow::Result<()> {
    if conditions.is_empty() {
        return std::future::pending().await;
    }
    let started = Instant::now();
    let place = place_in_context(cluster, scope.namespace.as_deref());
    let mut observer = Observer::start(cluster, scope);
    let mut snapshot = None;
    loop {
        tokio::select! {
            biased;
            () = after(started, timeout) => {
                let missing = unmet(snapshot.as_ref(), conditions);
                let lines = explain(snapshot.as_ref(), &missing, &place);
                return Err(timed_out(lines, conditions, timeout.unwrap_or_default()).into());
            }
            next = observer.next() => snapshot = Some(next?),
        }
        if unmet(snapshot.as_ref(), conditions).is_empty() {
            streams.say_with_time(&format!(
                "conditions met: {}; shutting down",
                describe(conditions)
            ));
            return Ok(());
        }
    }
}
