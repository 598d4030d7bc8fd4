use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::StatusPage;
use super::print::{Printed, print};
use super::waiting::Waiting;
use crate::cli::StatusFormat;
use crate::cluster::Clusters;
use crate::commands::args::conditions::{asked, missing, not_met, words};
use crate::commands::args::selection::{place_of, say_forbidden};
use crate::model::Condition;
use crate::observe::{ObserveScope, Observer};
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};

/// How long to wait where no flag says so.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until the conditions hold for every group that is meant, and shows the groups as they are then.
pub async fn run(
    cluster: &Clusters,
    scope: ObserveScope,
    conditions: Vec<Condition>,
    timeout: Option<Duration>,
    page: StatusPage,
) -> anyhow::Result<Exit> {
    let timeout = timeout.unwrap_or(PATIENCE);
    let started = Instant::now();
    let place = place_of(cluster, scope.namespace.as_deref());
    let mut observer = Observer::start(cluster, scope);
    let waiting = Waiting::start(&Streams::process(), asked(&conditions), timeout);
    // Without any patience there is still one look.
    let first = if timeout.is_zero() {
        cluster.timeout()
    } else {
        timeout
    };
    let mut sight = tokio::select! {
        sight = observer.next() => Some(sight?),
        () = sleep_until(started + first) => None,
    };
    say_forbidden(cluster, observer.forbidden());
    let end = started + timeout;
    let missing = loop {
        let missing = missing(sight.as_ref(), &conditions);
        let Some(seen) = sight.as_ref().filter(|_| !missing.is_empty()) else {
            break missing;
        };
        waiting.say(&words(Some(seen), &missing, &place));
        tokio::select! {
            biased;
            () = sleep_until(end) => break missing,
            () = waiting.reminder() => {}
            next = observer.next() => sight = Some(next?),
        }
    };
    waiting.end();
    let statuses = sight
        .as_ref()
        .map(|sight| sight.statuses.as_slice())
        .unwrap_or_default();
    let exit = if missing.is_empty() {
        Exit::Done
    } else {
        Exit::NotMet
    };
    let is_printed =
        missing.is_empty() || matches!(page.format, StatusFormat::Json | StatusFormat::Yaml);
    if is_printed {
        print(
            cluster,
            &Printed {
                statuses,
                exit: Some(exit),
                missing: Some(&missing),
            },
            page,
        )?;
    }
    if missing.is_empty() {
        return Ok(exit);
    }
    let problem = not_met(
        &words(sight.as_ref(), &missing, &place),
        &conditions,
        timeout,
    );
    Err(Problem {
        is_printed,
        ..problem
    }
    .into())
}
