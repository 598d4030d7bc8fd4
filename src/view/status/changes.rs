//! Changes of the status of groups, as lines of text and of JSON.

use jiff::Timestamp;
use serde::Serialize;

use super::list::{StatusItem, item};
use crate::model::{BackendStatus, Readiness, State, Status, StatusChange};
use crate::text::ConnectionFlags;
use crate::text::{MAX_LINE_CHARS, clean, shorten};
use crate::view::formats;
use crate::view::formats::API_VERSION;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusChangeLine<'a> {
    api_version: &'static str,
    kind: &'static str,
    time: String,
    context: &'a str,
    /// `initial`, `appeared`, `changed` or `gone`.
    change: &'static str,
    /// Before a change.
    previous: Option<PreviousStatus<'a>>,
    /// The group after the change; before it if the group is gone.
    #[serde(flatten)]
    item: StatusItem<'a>,
}

#[derive(Serialize)]
struct PreviousStatus<'a> {
    state: State,
    flags: Vec<&'static str>,
    active: Vec<&'a str>,
}

/// One line of JSON.
///
/// # Errors
/// If the line cannot be serialised.
pub fn json_line(
    change: &StatusChange,
    context: &str,
    connection: &ConnectionFlags,
    at: Timestamp,
) -> serde_json::Result<String> {
    let (word, before) = match change {
        StatusChange::Initial(_) => ("initial", None),
        StatusChange::Appeared(_) => ("appeared", None),
        StatusChange::Changed { before, .. } => ("changed", Some(before)),
        StatusChange::Gone(_) => ("gone", None),
    };
    let previous = before.map(|status| PreviousStatus {
        state: status.state,
        flags: status.flags.names(),
        active: status.active(),
    });
    formats::json_line(&StatusChangeLine {
        api_version: API_VERSION,
        kind: "StatusChange",
        time: format!("{at:.3}"),
        context,
        change: word,
        previous,
        item: item(change.status(), connection),
    })
}

/// One line of text, with the time.
pub fn text_line(change: &StatusChange, at: Timestamp) -> String {
    shorten(
        &clean(&format!("{at:.0} {}", describe(change))),
        MAX_LINE_CHARS,
    )
}

/// Names the group, and describes its change.
pub fn describe(change: &StatusChange) -> String {
    let text = match change {
        StatusChange::Initial(status) => standing(status),
        StatusChange::Appeared(status) => format!("appeared, {}", standing(status)),
        StatusChange::Gone(status) => format!("gone, was {}", status.state),
        StatusChange::Changed { before, after } => {
            let state = arrow(before.state.to_string(), after.state.to_string());
            let active = match (active(before), active(after)) {
                (was, is) if was == is => String::new(),
                (was, is) => format!(", active {was} -> {is}"),
            };
            let backends = backends(before, after);
            let turns = turns(before, after);
            if !turns.is_empty() {
                let why = if after.state == State::Down {
                    reason(after)
                } else {
                    String::new()
                };
                let turns = turns.join(", ");
                return format!("{}: {turns} ({state}{active}){why}", after.id);
            }
            format!(
                "{state}{active}{backends}{}{}",
                flags(before, after),
                reason(after)
            )
        }
    };
    format!("{}: {text}", change.status().id)
}

/// Says which backends stopped being ready, or became ready.
fn turns(before: &Status, after: &Status) -> Vec<String> {
    let turn = |now: &BackendStatus| {
        let mut backends = before.backends.iter();
        let was = backends.find(|was| was.name == now.name)?;
        let name = &now.name;
        match (&was.readiness, &now.readiness) {
            (was, Readiness::Missing) if was.is_ready() => Some(format!("Service {name} is gone")),
            (was, now) if was.is_ready() && now.is_dead() => {
                Some(format!("{name} lost its last ready endpoint"))
            }
            (was, now) if was.is_dead() && now.is_ready() => Some(format!("{name} is ready again")),
            _ => None,
        }
    };
    after.backends.iter().filter_map(turn).collect()
}

fn standing(status: &Status) -> String {
    format!(
        "{}, active {}{}",
        status.state,
        active(status),
        reason(status)
    )
}

fn arrow(before: String, after: String) -> String {
    if before == after {
        after
    } else {
        format!("{before} -> {after}")
    }
}

fn active(status: &Status) -> String {
    let names = status.active();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(",")
    }
}

/// Backends that were added and removed, such as `, backends +web-canary -web-east`.
fn backends(before: &Status, after: &Status) -> String {
    let changes = sets(&before.backend_names(), &after.backend_names());
    if changes.is_empty() || before.backends.is_empty() || after.backends.is_empty() {
        return String::new();
    }
    format!(", backends{changes}")
}

/// Flags that were set and cleared, such as ` +short -redundant`.
fn flags(before: &Status, after: &Status) -> String {
    sets(&before.flags.names(), &after.flags.names())
}

/// What was added and removed, such as ` +short -redundant`.
fn sets(was: &[&str], is: &[&str]) -> String {
    let came = is.iter().filter(|name| !was.contains(name));
    let went = was.iter().filter(|name| !is.contains(name));
    came.map(|name| format!(" +{name}"))
        .chain(went.map(|name| format!(" -{name}")))
        .collect()
}

fn reason(status: &Status) -> String {
    if status.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", status.reason)
    }
}
