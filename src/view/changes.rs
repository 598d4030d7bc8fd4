//! Changes of groups, as lines of text or of JSON.

use jiff::Timestamp;
use serde::Serialize;

use super::status::{StatusItem, item};
use super::stream::API_VERSION;
use crate::cluster::transport::connection_flags::ConnectionFlags;
use crate::model::{State, Status, StatusChange};
use crate::text::{LONGEST_LINE, clean, clean_json, shorten};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    api_version: &'static str,
    kind: &'static str,
    time: String,
    context: &'a str,
    /// `initial`, `appeared`, `changed` or `gone`.
    change: &'static str,
    /// As it was before, where it has changed.
    previous: Option<Previous<'a>>,
    /// As it is now or, where it is gone, as it was.
    #[serde(flatten)]
    item: StatusItem<'a>,
}

#[derive(Serialize)]
struct Previous<'a> {
    state: State,
    flags: Vec<&'static str>,
    active: Vec<&'a str>,
}

/// One line of JSON.
///
/// # Errors
/// Where the line can't be serialised.
pub fn json_line(
    change: &StatusChange,
    context: &str,
    reach: &ConnectionFlags,
    at: Timestamp,
) -> serde_json::Result<String> {
    let (word, before) = match change {
        StatusChange::Initial(_) => ("initial", None),
        StatusChange::Appeared(_) => ("appeared", None),
        StatusChange::Changed { before, .. } => ("changed", Some(before)),
        StatusChange::Gone(_) => ("gone", None),
    };
    let previous = before.map(|status| Previous {
        state: status.state,
        flags: status.flags.names(),
        active: status.active(),
    });
    let line = Line {
        api_version: API_VERSION,
        kind: "StatusChange",
        time: format!("{at:.3}"),
        context,
        change: word,
        previous,
        item: item(change.status(), reach),
    };
    serde_json::to_string(&line).map(|line| clean_json(&line))
}

/// One line of text: the time, the group, and what has become of it.
pub fn text_line(change: &StatusChange, at: Timestamp) -> String {
    shorten(&clean(&format!("{at:.0} {}", what(change))), LONGEST_LINE)
}

/// The group, and what has become of it.
pub fn what(change: &StatusChange) -> String {
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
            format!("{state}{active}{}{}", flags(before, after), reason(after))
        }
    };
    format!("{}: {text}", change.status().id)
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

/// Flags that came and went: ` +short -redundant`.
fn flags(before: &Status, after: &Status) -> String {
    let (was, is) = (before.flags.names(), after.flags.names());
    let came = is
        .iter()
        .filter(|flag| !was.contains(flag))
        .map(|flag| format!(" +{flag}"));
    let went = was
        .iter()
        .filter(|flag| !is.contains(flag))
        .map(|flag| format!(" -{flag}"));
    came.chain(went).collect()
}

fn reason(status: &Status) -> String {
    if status.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", status.reason)
    }
}
