//! The lines below a table of groups: what is wrong, since when, and the command to type next.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::next_step::{ailments, next_step};
use super::table::{ClusterStatuses, TableStyle};
use crate::model::moves::carriers;
use crate::model::{
    ExpiredOrder, LastMove, Override, OverrideStatus, Runner, State, Status, WeightsOrigin,
};
use crate::text::{clean, shorten};
use crate::view::age::age;

const MAX_NOTE_CHARS: usize = 400;
/// How many groups of each state have a note.
const MAX_NOTES_PER_STATE: usize = 10;
/// Above this number, groups are counted by state.
const MAX_UNCOUNTED_GROUPS: usize = 20;

/// Returns one or two lines for each group that is not at home, up to a limit for each state.
/// Adjacent groups with the same next step share one line for it.
pub fn notes(groups: ClusterStatuses, style: TableStyle) -> String {
    let name = |status: &Status| {
        if style.namespaces {
            status.id.to_string()
        } else {
            status.id.short_name()
        }
    };
    let mut counts: BTreeMap<State, usize> = BTreeMap::new();
    let notes = groups.statuses.iter().filter_map(|status| {
        let next = next_step(status, groups.connection);
        let ailments = ailments(status, groups.connection, next.as_deref());
        let note = note(status, &name(status), groups.now, &ailments);
        let next = next.map(|next| format!("  next: {}\n", clean(&next)));
        (!note.is_empty() || next.is_some()).then(|| (status.state, note, next.unwrap_or_default()))
    });
    let notes = notes.filter(|(state, ..)| {
        let count = counts.entry(*state).or_default();
        *count += 1;
        *count <= MAX_NOTES_PER_STATE
    });
    let notes: Vec<(State, String, String)> = notes.collect();
    let mut notes = notes.iter().peekable();
    let mut text = String::new();
    while let Some((_, note, next)) = notes.next() {
        text.push_str(note);
        if notes
            .peek()
            .is_none_or(|(_, _, following)| following != next)
        {
            text.push_str(next);
        }
    }
    for (state, count) in counts
        .into_iter()
        .filter(|(_, count)| *count > MAX_NOTES_PER_STATE)
    {
        text.push_str(&format!(
            "{} more are {state} (-o json shows the reasons)\n",
            count - MAX_NOTES_PER_STATE
        ));
    }
    text
}

/// Counts the groups by state, if there are many.
pub fn summary(statuses: &[Status]) -> String {
    if statuses.len() <= MAX_UNCOUNTED_GROUPS {
        return String::new();
    }
    format!("{} groups: {}\n", statuses.len(), counts_by_state(statuses))
}

/// Such as `590 Failover, 10 Primary`.
pub fn counts_by_state(statuses: &[Status]) -> String {
    let count = |state: &State| {
        statuses
            .iter()
            .filter(|status| status.state == *state)
            .count()
    };
    let counts = State::ALL.map(|state| (state, count(&state)));
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(state, count)| format!("{count} {state}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Returns nothing for a group that is at home and has no warnings. `ailments` are sentences to add.
fn note(status: &Status, name: &str, now: Timestamp, ailments: &str) -> String {
    let said = |text: &str| shorten(&clean(text), MAX_NOTE_CHARS);
    let warning = |text: &String| format!("{}: warning: {}.\n", said(name), said(text));
    let warnings: String = status.warnings.iter().map(warning).collect();
    let unknown = unknown_words(status);
    if matches!(status.state, State::Primary | State::Active) && status.order.is_none() {
        let unknown = unknown.map(|words| format!("{}: {}\n", said(name), said(&words)));
        return unknown.unwrap_or_default() + &warnings;
    }
    let mut text = format!("{}: {}.{ailments} ", said(name), said(&status.reason));
    if status.state == State::OutOfSync {
        text.push_str(&unwritten(status));
    }
    if let Some(words) = &unknown {
        text.push_str(&format!("{} ", said(words)));
    }
    if status.flags.unverified {
        text.push_str(if status.state == State::OutOfSync {
            "Nothing confirms that anything is ready there (unverified). "
        } else {
            "The traffic was sent there without confirming that anything is ready (unverified). "
        });
    }
    if let Some(order) = &status.order {
        text.push_str(&format!("{}. ", said(&order_words(order, &status.runner))));
    }
    match &status.changed {
        WeightsOrigin::Moved(last) => {
            text.push_str(&said(&last_move(last, status, now)));
        }
        WeightsOrigin::Edited { by, at } => {
            text.push_str(&format!(
                "Backends last edited by {}, {} ago.",
                said(by),
                age(*at, now)
            ));
        }
        WeightsOrigin::Created(_) => {}
    }
    format!("{}\n{warnings}", text.trim_end())
}

/// Such as `Last move: 12m ago, back to web-svc, by bob@vm: web-svc has recovered.`
fn last_move(last: &LastMove, status: &Status, now: Timestamp) -> String {
    let (from, to) = (carriers(&last.from), carriers(&last.to));
    let primary = status.primary.as_deref();
    let is_return = matches!(to[..], [to] if Some(to) == primary && !from.contains(&to))
        && status.order.is_none();
    let way = match (from.join(", "), to.join(", ")) {
        (_, to) if is_return => format!("back to {to}"),
        (from, to) if from == to || from.is_empty() => format!("to {to}"),
        (from, to) => format!("from {from} to {to}"),
    };
    let why = if last.why == status.reason || last.why.is_empty() {
        String::new()
    } else {
        format!(": {}", last.why)
    };
    format!(
        "Last move: {} ago, {way}, by {}{why}.",
        age(last.at, now),
        last.by
    )
}

/// Says why a change that is due has not been made.
fn unwritten(status: &Status) -> String {
    let stepped_in = status.stepped_in().join(", ");
    let why = match (&status.runner, status.expired_order()) {
        (Runner::Unattended, Some(ExpiredOrder::Pause)) => {
            "The pause has expired, but no watch is running to end it. "
        }
        (Runner::Unattended, _) if !stepped_in.is_empty() => {
            return format!(
                "No watch is running, but Linkerd's proxies send the traffic to {stepped_in} by \
                 themselves, and back once what has the weight has endpoints again. "
            );
        }
        (Runner::Unattended, _) => "No watch is running, so nothing will apply this. ",
        (Runner::Upstream, Some(ExpiredOrder::Pause)) => {
            "The pause has expired, but Linkerd's controller does not end it. "
        }
        // The text about the override already says it.
        (Runner::Upstream, Some(ExpiredOrder::Override)) => "",
        (Runner::Watch(_), _) => {
            "The running watch has not applied this yet; if this lasts, its output says why. "
        }
        _ => "This has not been applied yet. ",
    };
    why.to_owned()
}

/// Says why the readiness of backends is unknown, unless the reason already does.
fn unknown_words(status: &Status) -> Option<String> {
    let words = status.backends.iter().filter_map(|backend| {
        let why = backend.readiness.why_unknown()?.to_string();
        let what = if backend.readiness.is_unknown() {
            "is ready"
        } else {
            "has more endpoints"
        };
        (!status.reason.contains(&why))
            .then(|| format!("Can't tell whether {} {what}: {why}.", backend.name))
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Says who forced the traffic to which backend, and whether the override is in force.
fn order_words(order: &OverrideStatus, runner: &Runner) -> String {
    let asked = |order: &Override| {
        let (by, purpose) = (order.author(), order.purpose());
        format!("Forced to {} by {by}{purpose}", order.to)
    };
    let end = |order: &Override| {
        order
            .until
            .map(|until| format!("{until:.0}"))
            .unwrap_or_default()
    };
    match order {
        OverrideStatus::InForce(order) if order.until.is_some() => {
            format!("{} until {}", asked(order), end(order))
        }
        OverrideStatus::InForce(order) => asked(order),
        OverrideStatus::Expired(order) => {
            let yet = match runner {
                Runner::Unattended => "no watch is running to end it",
                Runner::Upstream => "Linkerd's controller does not end it",
                Runner::Watch(_) | Runner::Unknown => "it has not been ended yet",
            };
            format!("{}, expired at {}: {yet}", asked(order), end(order))
        }
        OverrideStatus::WithoutHome(order) => {
            format!(
                "{}, without an expiry: the override does not say which backend is home",
                asked(order)
            )
        }
        OverrideStatus::Broken {
            why,
            order,
            edited_by,
        } => {
            let asked = order
                .as_ref()
                .map(|order| format!(". {}", asked(order)))
                .unwrap_or_default();
            let by = edited_by
                .as_ref()
                .map(|by| format!("; last edited by {by}"));
            format!(
                "The override is broken: {why}{asked}{}",
                by.unwrap_or_default()
            )
        }
    }
}
