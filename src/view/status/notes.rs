//! The lines below a table of groups: what is wrong, since when, and the command to type next.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::exposed;
use super::next_step::{ailments, next_steps};
use super::note_line::{Note, NoteLine};
use super::table::{ClusterStatuses, TableStyle, worst_first};
use crate::model::moves::carriers;
use crate::model::{
    ExpiredOrder, LastMove, Override, OverrideStatus, Runner, State, Status, Wait, WeightsOrigin,
};
use crate::text::{clean, shorten};
use crate::view::age::age;
use crate::view::columns::Colour;

const MAX_NOTE_CHARS: usize = 400;
/// How many groups of each state have a note.
const MAX_NOTES_PER_STATE: usize = 10;
/// Above this number, groups are counted by state.
const MAX_UNCOUNTED_GROUPS: usize = 20;

/// Returns one or two lines for each group that is not at home, up to a limit for each state, the
/// worst state first. Adjacent groups with the same next step share one line for it. Groups that are
/// at home but have no net share a line for each cause.
pub fn notes(groups: ClusterStatuses, style: TableStyle) -> Vec<NoteLine> {
    let name = |status: &Status| {
        if style.namespaces {
            status.id.to_string()
        } else {
            status.id.short_name()
        }
    };
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let sorted = worst_first(groups.statuses);
    let notes = sorted.iter().filter_map(|status| {
        let next = if exposed::is_noted(status) && status.forgotten_home.is_none() {
            Vec::new()
        } else {
            next_steps(status, groups.connection)
        };
        let first = next.first().map(|step| step.command.as_str());
        let ailments = ailments(status, groups.connection, first);
        let lines = note(status, &name(status), groups.now, &ailments);
        let (state, is_empty) = (status.state, lines.is_empty() && next.is_empty());
        (!is_empty).then_some(Note { state, lines, next })
    });
    let notes = notes.filter(|note| {
        let count = counts.entry(note.state.urgency_rank()).or_default();
        *count += 1;
        *count <= MAX_NOTES_PER_STATE
    });
    let mut notes: Vec<Note> = notes.collect();
    notes.extend(exposed::notes(&sorted, groups.connection, name));
    let mut lines = Vec::new();
    let mut notes = notes.into_iter().peekable();
    while let Some(Note {
        lines: said, next, ..
    }) = notes.next()
    {
        lines.extend(said);
        let following = notes.peek().map_or(&[][..], |note| &note.next);
        let last = next.iter().filter(|step| !following.contains(step));
        lines.extend(last.map(NoteLine::command));
    }
    for (rank, count) in counts {
        let (Some(state), Some(more)) = (
            State::BY_URGENCY.get(rank),
            count
                .checked_sub(MAX_NOTES_PER_STATE)
                .filter(|more| *more > 0),
        ) else {
            continue;
        };
        lines.push(NoteLine::plain(format!(
            "{more} more are {state} (-o json shows the reasons)"
        )));
    }
    lines
}

/// Counts the groups by state, if there are many.
pub fn summary(statuses: &[Status]) -> Option<NoteLine> {
    let count = statuses.len();
    (count > MAX_UNCOUNTED_GROUPS)
        .then(|| NoteLine::plain(format!("{count} groups: {}", counts_by_state(statuses))))
}

/// Such as `590 Failover, 10 Primary`.
pub fn counts_by_state(statuses: &[Status]) -> String {
    let count = |state: &State| {
        statuses
            .iter()
            .filter(|status| status.state == *state)
            .count()
    };
    let counts = State::BY_URGENCY.map(|state| (state, count(&state)));
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(state, count)| format!("{count} {state}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Returns nothing for a group that is at home and has no warnings. `ailments` are sentences to add.
fn note(status: &Status, name: &str, now: Timestamp, ailments: &str) -> Vec<NoteLine> {
    let said = |text: &str| shorten(&clean(text), MAX_NOTE_CHARS);
    let warning =
        |text: &String| NoteLine::plain(format!("{}: warning: {}.", said(name), said(text)));
    let warnings = status.warnings.iter().map(warning);
    let unknown = unknown_words(status);
    if matches!(status.state, State::Primary | State::Active) && status.order.is_none() {
        let unknown = unknown.map(|words| format!("{}: {}", said(name), said(&words)));
        return unknown
            .map(NoteLine::plain)
            .into_iter()
            .chain(warnings)
            .collect();
    }
    let mut text = format!("{}: {}.{ailments} ", said(name), said(&status.reason));
    match status.state {
        State::OutOfSync => text.push_str(&unwritten(status)),
        State::Down if status.expired_order() == Some(ExpiredOrder::Pause) => {
            text.push_str("The pause has expired. ");
        }
        State::Waiting => text.push_str(&proxies_step_in(status).unwrap_or_default()),
        _ => {}
    }
    if let Some(words) = waiting(status, now) {
        text.push_str(&format!("{words} "));
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
    if let Some(words) = exposed::sentence(status) {
        text.push_str(&format!("{} ", said(&words)));
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
    let mut line = NoteLine::plain(text.trim_end().to_owned());
    if status.state == State::Down {
        line = line.coloured(Colour::Red);
    }
    std::iter::once(line).chain(warnings).collect()
}

/// Says that the proxies send the traffic elsewhere until the change is made.
fn proxies_step_in(status: &Status) -> Option<String> {
    let stepped_in = status.stepped_in().join(", ");
    let until = match status.runner {
        Runner::Unattended => "No watch is running, but ",
        _ => "Meanwhile ",
    };
    (!stepped_in.is_empty()).then(|| {
        format!(
            "{until}Linkerd's proxies send the traffic to {stepped_in} by themselves, and back \
             once what has the weight has endpoints again. "
        )
    })
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

/// Says how long a delay still keeps traffic from moving.
fn waiting(status: &Status, now: Timestamp) -> Option<String> {
    let Wait { setting, delay } = status.wait?;
    let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
    if status.runner == Runner::Unattended {
        return Some(format!(
            "No watch is running: one would move the traffic after {setting} ({delay:#})."
        ));
    }
    let left = status.wait_ends().map(|end| end.duration_since(now));
    let left = left.filter(|left| left.is_positive());
    let when = match left {
        Some(left) => format!("in about {}s", left.as_secs() + 1),
        None => format!("in up to {delay:#}"),
    };
    Some(format!(
        "Traffic moves {when} ({setting} {delay:#}), unless that changes before."
    ))
}

/// Says why a change that is due has not been made.
fn unwritten(status: &Status) -> String {
    let why = match (&status.runner, status.expired_order()) {
        (Runner::Unattended, Some(ExpiredOrder::Pause)) => {
            "The pause has expired, but no watch is running to end it. "
        }
        (Runner::Unattended, _) if !status.stepped_in().is_empty() => {
            return proxies_step_in(status).unwrap_or_default();
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
