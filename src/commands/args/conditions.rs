//! The conditions of `status --for` and `watch --until`, and the groups that do not meet them.

use std::time::Duration;

use crate::model::{Condition, Status};
use crate::observe::{Snapshot, UnknownName};
use crate::problem::Problem;
use crate::text::clean;
use crate::view::status::list::UnmetGroup;

/// How many of the groups that do not meet the conditions are named.
const MAX_UNMET_GROUPS: usize = 20;

/// The conditions in words.
pub fn describe(conditions: &[Condition]) -> String {
    let words: Vec<String> = conditions.iter().map(ToString::to_string).collect();
    words.join(" and ")
}

/// Returns the problem that the conditions were not met in time. `lines` say what is missing.
pub fn timed_out(lines: Vec<String>, conditions: &[Condition], timeout: Duration) -> Problem {
    let seconds = timeout.as_secs_f64();
    let asked = describe(conditions);
    Problem::not_met(format!("timed out after {seconds} s waiting for {asked}")).next_all(lines)
}

/// Returns an entry for each group that does not meet the conditions, and for each name that no
/// group has.
pub fn unmet(snapshot: Option<&Snapshot>, conditions: &[Condition]) -> Vec<UnmetGroup> {
    let all: Vec<String> = conditions.iter().map(ToString::to_string).collect();
    let nothing = UnmetGroup {
        namespace: None,
        object: None,
        name: None,
        state: None,
        asked: all.clone(),
    };
    let Some(snapshot) = snapshot else {
        return vec![nothing];
    };
    let of_group = |status: &Status| {
        let unmet = conditions
            .iter()
            .filter(|condition| !condition.holds(status));
        let asked: Vec<String> = unmet.map(ToString::to_string).collect();
        (!asked.is_empty()).then(|| UnmetGroup {
            namespace: Some(status.id.namespace.clone()),
            object: Some(status.id.kind.to_owned()),
            name: Some(status.id.name.clone()),
            state: Some(status.state),
            asked,
        })
    };
    let of_name = |UnknownName { name, .. }: &UnknownName| UnmetGroup {
        object: name.kind.clone(),
        name: Some(name.name.clone()),
        ..nothing.clone()
    };
    let mut missing: Vec<UnmetGroup> = snapshot.statuses.iter().filter_map(of_group).collect();
    missing.extend(snapshot.absent.iter().map(of_name));
    if snapshot.statuses.is_empty() && missing.is_empty() {
        missing.push(nothing);
    }
    missing
}

/// One line for each entry.
pub fn explain(snapshot: Option<&Snapshot>, missing: &[UnmetGroup], place: &str) -> Vec<String> {
    let Some(snapshot) = snapshot else {
        return vec![format!("the groups in {place} could not be read in time")];
    };
    let line = |missing: &UnmetGroup| {
        let asked = missing.asked.join(" and ");
        let Some(name) = &missing.name else {
            return format!("there are no groups in {place}");
        };
        let status = snapshot.statuses.iter().find(|status| {
            status.id.name == *name
                && Some(&status.id.namespace) == missing.namespace.as_ref()
                && Some(status.id.kind) == missing.object.as_deref()
        });
        match status {
            Some(status) => format!("{}; waiting for {asked}", clean(&summarize(status))),
            None => {
                let mut absent = snapshot.absent.iter();
                let absent = absent.find(|absent| absent.name.name == *name);
                let meant = absent.and_then(|absent| absent.nearest.as_ref());
                let meant = meant.map(|name| format!("; did you mean {}?", clean(name)));
                let (name, meant) = (clean(name), meant.unwrap_or_default());
                format!("there is no group {name:?} in {place}; waiting for {asked}{meant}")
            }
        }
    };
    let mut lines: Vec<String> = missing.iter().take(MAX_UNMET_GROUPS).map(line).collect();
    if missing.len() > MAX_UNMET_GROUPS {
        lines.push(format!("and {} more", missing.len() - MAX_UNMET_GROUPS));
    }
    if let Some(lost) = &snapshot.lost {
        lines.push(format!("the connection is lost: {}", clean(&lost.why)));
    }
    lines
}

fn summarize(status: &Status) -> String {
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
