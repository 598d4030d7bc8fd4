use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::print::{Printed, print};
use super::waiting::Waiting;
use super::{Page, place};
use crate::cli::StatusFormat;
use crate::cluster::Cluster;
use crate::error::{Exit, Problem};
use crate::model::{Condition, Status};
use crate::observe::{Observer, Scope, Sight};
use crate::resource::GroupName;
use crate::view::status::Missing;
use crate::view::text::clean;

/// How long to wait where no flag says so.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many groups are named where many are not as they should be.
const MOST_NAMED: usize = 20;

/// Waits until the conditions hold for every group that is meant, and shows the groups as they are then.
pub async fn run(
    cluster: &Cluster,
    scope: Scope,
    conditions: Vec<Condition>,
    timeout: Option<Duration>,
    page: Page,
) -> anyhow::Result<Exit> {
    let timeout = timeout.unwrap_or(PATIENCE);
    let started = Instant::now();
    let place = place(cluster, scope.namespace.as_deref());
    let mut observer = Observer::start(cluster, scope);
    let waiting = Waiting::start(asked(&conditions), timeout);
    // Without any patience there is still one look.
    let first = if timeout.is_zero() { cluster.timeout() } else { timeout };
    let mut sight = tokio::select! {
        sight = observer.next() => Some(sight?),
        () = sleep_until(started + first) => None,
    };
    let end = started + timeout;
    let missing = loop {
        let missing = missing(sight.as_ref(), &conditions);
        let Some(seen) = sight.as_ref().filter(|_| !missing.is_empty()) else { break missing };
        waiting.say(&words(Some(seen), &missing, &place));
        tokio::select! {
            biased;
            () = sleep_until(end) => break missing,
            () = waiting.reminder() => {}
            next = observer.next() => sight = Some(next?),
        }
    };
    waiting.end();
    let statuses = sight.as_ref().map(|sight| sight.statuses.as_slice()).unwrap_or_default();
    let exit = if missing.is_empty() { Exit::Done } else { Exit::NotMet };
    if missing.is_empty() || matches!(page.format, StatusFormat::Json | StatusFormat::Yaml) {
        print(cluster, &Printed { statuses, exit: Some(exit), missing: Some(&missing) }, page)?;
    }
    if missing.is_empty() {
        return Ok(exit);
    }
    Err(not_met(&words(sight.as_ref(), &missing, &place), &conditions, timeout).into())
}

fn asked(conditions: &[Condition]) -> String {
    conditions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn not_met(words: &[String], conditions: &[Condition], timeout: Duration) -> Problem {
    let seconds = timeout.as_secs_f64();
    let problem = Problem::not_met(format!("not met within {seconds} s: {}", asked(conditions)));
    words.iter().fold(problem, |problem, line| problem.next(line))
}

/// What is still missing: for each group that is not as asked, and for each name that no group has.
fn missing(sight: Option<&Sight>, conditions: &[Condition]) -> Vec<Missing> {
    let all: Vec<String> = conditions.iter().map(ToString::to_string).collect();
    let nothing = Missing { namespace: None, object: None, name: None, state: None, asked: all.clone() };
    let Some(sight) = sight else { return vec![nothing] };
    let of_group = |status: &Status| {
        let unmet = conditions.iter().filter(|condition| !condition.holds(status));
        let asked: Vec<String> = unmet.map(ToString::to_string).collect();
        (!asked.is_empty()).then(|| Missing {
            namespace: Some(status.id.namespace.clone()),
            object: Some(status.id.kind.to_owned()),
            name: Some(status.id.name.clone()),
            state: Some(status.state),
            asked,
        })
    };
    let of_name = |name: &GroupName| Missing {
        object: name.kind.map(str::to_owned),
        name: Some(name.name.clone()),
        ..nothing.clone()
    };
    let mut missing: Vec<Missing> = sight.statuses.iter().filter_map(of_group).collect();
    missing.extend(sight.absent.iter().map(of_name));
    if sight.statuses.is_empty() && missing.is_empty() {
        missing.push(nothing);
    }
    missing
}

/// The same in words, a line for each.
fn words(sight: Option<&Sight>, missing: &[Missing], place: &str) -> Vec<String> {
    let Some(sight) = sight else { return vec![format!("the groups in {place} could not be read in time")] };
    let line = |missing: &Missing| {
        let asked = missing.asked.join(" and ");
        let Some(name) = &missing.name else { return format!("there are no groups in {place}") };
        let status = sight.statuses.iter().find(|status| {
            status.id.name == *name && Some(&status.id.namespace) == missing.namespace.as_ref()
        });
        match status {
            Some(status) => format!("{}; asked for: {asked}", clean(&stands(status))),
            None => format!("there is no group {:?} in {place}; asked for: {asked}", clean(name)),
        }
    };
    let mut lines: Vec<String> = missing.iter().take(MOST_NAMED).map(line).collect();
    if missing.len() > MOST_NAMED {
        lines.push(format!("and {} more", missing.len() - MOST_NAMED));
    }
    if let Some(lost) = &sight.lost {
        lines.push(format!("the cluster is not heard: {}", clean(&lost.why)));
    }
    lines
}

fn stands(status: &Status) -> String {
    let flags = status.flags.names().join(",");
    let flags = if flags.is_empty() { String::new() } else { format!(" ({flags})") };
    let active = status.active().join(",");
    let active = if active.is_empty() { "nothing".to_owned() } else { active };
    format!("{} is {}{flags}, active {active}", status.id, status.state)
}
