//! `status --for`: waits until every group meets the conditions.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::print::{Printed, StatusPage};
use super::waiting::Waiting;
use crate::cli::StatusFormat;
use crate::cluster::Clusters;
use crate::commands::args::conditions::{describe, explain, timed_out, unmet};
use crate::commands::args::query::place_in_context;
use crate::commands::args::selection::warn_of_forbidden;
use crate::model::Condition;
use crate::observe::{ObserveScope, Observer};
use crate::problem::{Exit, Problem};

/// The default of --timeout.
const DEFAULT_FOR_TIMEOUT: Duration = Duration::from_secs(30);

/// Waits until every chosen group meets the conditions, and prints the groups.
pub async fn run(
    cluster: &Clusters,
    scope: ObserveScope,
    conditions: Vec<Condition>,
    timeout: Option<Duration>,
    page: &StatusPage,
) -> anyhow::Result<Exit> {
    let timeout = timeout.unwrap_or(DEFAULT_FOR_TIMEOUT);
    let started = Instant::now();
    let place = place_in_context(cluster, scope.namespace.as_deref());
    let mut observer = Observer::start(cluster, scope);
    let waiting = Waiting::start(&page.streams, describe(&conditions), timeout);
    // A timeout of zero reads once.
    let first = if timeout.is_zero() {
        cluster.timeout()
    } else {
        timeout
    };
    let mut snapshot = tokio::select! {
        next = observer.next() => Some(next?),
        () = sleep_until(started + first) => None,
    };
    warn_of_forbidden(&page.streams, cluster, observer.forbidden());
    let end = started + timeout;
    let missing = loop {
        let missing = unmet(snapshot.as_ref(), &conditions);
        let Some(seen) = snapshot.as_ref().filter(|_| !missing.is_empty()) else {
            break missing;
        };
        waiting.say(&explain(Some(seen), &missing, &place));
        tokio::select! {
            biased;
            () = sleep_until(end) => break missing,
            () = waiting.reminder() => {}
            next = observer.next() => snapshot = Some(next?),
        }
    };
    waiting.end();
    let statuses = snapshot
        .as_ref()
        .map(|snapshot| snapshot.statuses.as_slice())
        .unwrap_or_default();
    let exit = if missing.is_empty() {
        Exit::Done
    } else {
        Exit::NotMet
    };
    let is_printed =
        missing.is_empty() || matches!(page.format, StatusFormat::Json | StatusFormat::Yaml);
    if is_printed {
        let printed = Printed {
            statuses,
            exit: Some(exit),
            missing: Some(&missing),
        };
        page.print(cluster, &printed)?;
    }
    if missing.is_empty() {
        return Ok(exit);
    }
    let lines = explain(snapshot.as_ref(), &missing, &place);
    Err(Problem {
        is_printed,
        ..timed_out(lines, &conditions, timeout)
    }
    .into())
}
