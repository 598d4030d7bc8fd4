//! What was asked of groups and is not so.

use std::time::Duration;

use crate::model::{Condition, Status};
use crate::observe::{Snapshot, UnknownName};
use crate::problem::Problem;
use crate::text::clean;
use crate::view::status::Missing;

/// How many groups are named where many are not as they should be.
const MOST_NAMED: usize = 20;

/// All of them in words.
pub fn asked(conditions: &[Condition]) -> String {
    conditions
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" and ")
}

/// They were not met in time; `words` say what is missing.
pub fn not_met(words: &[String], conditions: &[Condition], timeout: Duration) -> Problem {
    let seconds = timeout.as_secs_f64();
    let problem = Problem::not_met(format!("not met within {seconds} s: {}", asked(conditions)));
    words
        .iter()
        .fold(problem, |problem, line| problem.next(line))
}

/// What is still missing: for each group that is not as asked, and for each name that no group has.
pub fn missing(sight: Option<&Snapshot>, conditions: &[Condition]) -> Vec<Missing> {
    let all: Vec<String> = conditions.iter().map(ToString::to_string).collect();
    let nothing = Missing {
        namespace: None,
        object: None,
        name: None,
        state: None,
        asked: all.clone(),
    };
    let Some(sight) = sight else {
        return vec![nothing];
    };
    let of_group = |status: &Status| {
        let unmet = conditions
            .iter()
            .filter(|condition| !condition.holds(status));
        let asked: Vec<String> = unmet.map(ToString::to_string).collect();
        (!asked.is_empty()).then(|| Missing {
            namespace: Some(status.id.namespace.clone()),
            object: Some(status.id.kind.to_owned()),
            name: Some(status.id.name.clone()),
            state: Some(status.state),
            asked,
        })
    };
    let of_name = |UnknownName { name, .. }: &UnknownName| Missing {
        object: name.kind.clone(),
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
pub fn words(sight: Option<&Snapshot>, missing: &[Missing], place: &str) -> Vec<String> {
    let Some(sight) = sight else {
        return vec![format!("the groups in {place} could not be read in time")];
    };
    let line = |missing: &Missing| {
        let asked = missing.asked.join(" and ");
        let Some(name) = &missing.name else {
            return format!("there are no groups in {place}");
        };
        let status = sight.statuses.iter().find(|status| {
            status.id.name == *name
                && Some(&status.id.namespace) == missing.namespace.as_ref()
                && Some(status.id.kind) == missing.object.as_deref()
        });
        match status {
            Some(status) => format!("{}; asked for: {asked}", clean(&stands(status))),
            None => {
                let absent = sight.absent.iter().find(|absent| absent.name.name == *name);
                let meant = absent.and_then(|absent| absent.nearest.as_ref());
                let meant = meant
                    .map(|name| format!("; did you mean {}?", clean(name)))
                    .unwrap_or_default();
                format!(
                    "there is no group {:?} in {place}; asked for: {asked}{meant}",
                    clean(name)
                )
            }
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
    let flags = if flags.is_empty() {
        String::new()
    } else {
        format!(" ({flags})")
    };
    let active = status.active().join(",");
    let active = if active.is_empty() {
        "nothing".to_owned()
    } else {
        active
    };
    format!("{} is {}{flags}, active {active}", status.id, status.state)
}
