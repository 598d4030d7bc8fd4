//! What `status` says of groups that are at home but have no net: nothing would take the place of
//! the backend that carries the traffic.

use super::next_step::{NextStep, cover};
use super::note_line::{Note, NoteLine};
use crate::model::{Exposure, State, Status};
use crate::text::{ConnectionFlags, clean};
use crate::view::columns::Colour;

/// How many groups a line names.
const MAX_NAMED_GROUPS: usize = 5;

/// Groups that lack the same.
struct Exposed {
    what: Exposure,
    next: Vec<NextStep>,
    names: Vec<String>,
    primary: String,
}

/// Whether a group has a part in the lines of [`notes`].
pub fn is_noted(status: &Status) -> bool {
    let is_at_home = matches!(status.state, State::Primary | State::Active);
    is_at_home && status.order.is_none() && status.exposure().is_some()
}

/// Returns a sentence for the note of a group that has one. A note that nothing is written or moved
/// already says that no watch is running.
pub fn sentence(status: &Status) -> Option<String> {
    let is_well = matches!(
        status.state,
        State::Primary | State::Active | State::Overridden
    );
    let what = status.exposure()?;
    let primary = status.primary.as_deref().unwrap_or_default();
    (is_well || what == Exposure::NoFallback).then(|| words("No", what, primary))
}

/// `no` begins the sentence.
fn words(no: &str, what: Exposure, primary: &str) -> String {
    match what {
        Exposure::NoFallback => {
            format!("{no} fallback is ready: if {primary} fails, traffic has nowhere to go.")
        }
        Exposure::NoWatch => {
            format!("{no} watch is running: if {primary} fails, nothing will fail over.")
        }
    }
}

/// Returns a line for each cause and namespace.
pub fn notes(
    statuses: &[Status],
    connection: &ConnectionFlags,
    name: impl Fn(&Status) -> String,
) -> Vec<Note> {
    let mut all: Vec<Exposed> = Vec::new();
    for status in statuses.iter().filter(|status| is_noted(status)) {
        let Some(what) = status.exposure() else {
            continue;
        };
        let next = Vec::from_iter(cover(status, connection));
        let known = all.iter_mut().find(|it| it.what == what && it.next == next);
        if let Some(known) = known {
            known.names.push(name(status));
        } else {
            let (names, primary) = (vec![name(status)], status.primary.clone());
            let primary = primary.unwrap_or_default();
            all.push(Exposed {
                what,
                next,
                names,
                primary,
            });
        }
    }
    all.into_iter().map(note).collect()
}

fn note(exposed: Exposed) -> Note {
    let Exposed {
        what,
        next,
        names,
        primary,
    } = exposed;
    let primary = if names.len() == 1 {
        primary
    } else {
        "the primary".to_owned()
    };
    let more = names.len().saturating_sub(MAX_NAMED_GROUPS);
    let named: Vec<&str> = names
        .iter()
        .take(MAX_NAMED_GROUPS)
        .map(String::as_str)
        .collect();
    let and_more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let words = words("no", what, &primary);
    let text = format!("{}{and_more}: {words}", named.join(", "));
    Note {
        state: State::Primary,
        lines: vec![NoteLine::plain(clean(&text)).coloured(Colour::Yellow)],
        next,
    }
}
