//! The state of groups, as a table for people.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::ago::ago;
use super::columns::{Cell, Colour, Columns};
use super::status::next_step;
use crate::cluster::transport::connection_flags::ConnectionFlags;
use crate::model::Side;
use crate::model::{
    BackendStatus, Changed, LeftOver, OrderStatus, Override, Readiness, Runner, State, Status,
};
use crate::text::{clean, shorten};

/// The longest text in a note below the table.
const LONGEST_NOTE: usize = 400;
/// Of how many groups of a state something is said below the table.
const MOST_NOTES: usize = 10;
/// More groups than these are counted.
const AT_A_GLANCE: usize = 20;

/// How a table is to be drawn.
#[derive(Debug, Clone, Copy, Default)]
pub struct TableStyle {
    /// With weights, by whom and why.
    pub wide: bool,
    /// With a column for the namespace.
    pub namespaces: bool,
    /// With a column for the cluster.
    pub clusters: bool,
    pub colour: bool,
}

/// The groups of one cluster.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub context: &'a str,
    /// The flags by which a command line reaches it.
    pub reach: &'a ConnectionFlags,
    pub statuses: &'a [Status],
    /// By the cluster's clock.
    pub now: Timestamp,
}

/// A row for each group, and below a line or two for each one that is not at home.
pub fn render(shown: Shown, style: TableStyle) -> String {
    let (rows, notes) = (
        rows(&[shown], style),
        notes(shown, style) + &summary(shown.statuses),
    );
    if notes.is_empty() {
        rows
    } else {
        format!("{rows}\n{notes}")
    }
}

/// A row for each group of each cluster, as wide as it gets: the terminal wraps lines better than we could, and a name
/// that is cut can't be copied.
pub fn rows(shown: &[Shown], style: TableStyle) -> String {
    let table = columns_of(&Column::of(style), shown, style);
    table.lines().join("\n") + "\n"
}

/// A row for each group with these columns.
pub(crate) fn columns_of(columns: &[Column], shown: &[Shown], style: TableStyle) -> Columns {
    let row = |shown: &Shown, status: &Status| {
        columns
            .iter()
            .map(|column| column.cell(shown, status, style))
            .collect()
    };
    let rows = shown
        .iter()
        .flat_map(|shown| shown.statuses.iter().map(move |status| row(shown, status)));
    let heading: Vec<&str> = columns.iter().map(|column| column.name()).collect();
    Columns::new(&heading, rows)
}

/// Where there are too many groups to count them at a glance: how many are in which state.
pub fn summary(statuses: &[Status]) -> String {
    if statuses.len() <= AT_A_GLANCE {
        return String::new();
    }
    format!("{} groups: {}\n", statuses.len(), counts_by_state(statuses))
}

/// `590 Failover, 10 Primary`.
pub(crate) fn counts_by_state(statuses: &[Status]) -> String {
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

/// A line or two for each group that is not at home, up to a number for each state. What is to be done next about
/// several groups that follow each other is said once, below them.
pub fn notes(shown: Shown, style: TableStyle) -> String {
    let name = |status: &Status| {
        if style.namespaces {
            status.id.to_string()
        } else {
            status.id.short_name()
        }
    };
    let mut counts: BTreeMap<State, usize> = BTreeMap::new();
    let notes = shown.statuses.iter().filter_map(|status| {
        let note = note(status, &name(status), shown.now);
        let next = next_step(status, shown.reach).map(|next| format!("  next: {}\n", clean(&next)));
        (!note.is_empty() || next.is_some()).then(|| (status.state, note, next.unwrap_or_default()))
    });
    let notes = notes.filter(|(state, ..)| {
        let count = counts.entry(*state).or_default();
        *count += 1;
        *count <= MOST_NOTES
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
    for (state, count) in counts.into_iter().filter(|(_, count)| *count > MOST_NOTES) {
        text.push_str(&format!(
            "{} more are {state}: -o json says why of each\n",
            count - MOST_NOTES
        ));
    }
    text
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Cluster,
    Namespace,
    Name,
    Apex,
    State,
    Active,
    Backends,
    Since,
    Loop,
    Flags,
    By,
    Why,
}

impl Column {
    pub fn of(style: TableStyle) -> Vec<Self> {
        use Column::{
            Active, Apex, Backends, By, Cluster, Flags, Loop, Name, Namespace, Since, State, Why,
        };
        let mut columns = vec![Name, Apex, State, Active, Backends, Since, Loop];
        if style.namespaces {
            columns.insert(0, Namespace);
        }
        if style.clusters {
            columns.insert(0, Cluster);
        }
        if style.wide {
            columns.extend([Flags, By, Why]);
        }
        columns
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cluster => "CLUSTER",
            Self::Namespace => "NAMESPACE",
            Self::Name => "NAME",
            Self::Apex => "APEX",
            Self::State => "STATE",
            Self::Active => "ACTIVE",
            Self::Backends => "BACKENDS",
            Self::Since => "SINCE",
            Self::Loop => "LOOP",
            Self::Flags => "FLAGS",
            Self::By => "BY",
            Self::Why => "WHY",
        }
    }

    fn cell(self, shown: &Shown, status: &Status, style: TableStyle) -> Cell {
        let (at, by, why) = change(&status.changed);
        match self {
            Self::Cluster => Cell::new(shown.context),
            Self::Namespace => Cell::new(&status.id.namespace),
            Self::Name => Cell::new(&status.id.short_name()),
            Self::Apex => Cell::new(&status.apex),
            Self::State if style.colour => {
                Cell::new(&status.state.to_string()).coloured(colour(status.state))
            }
            Self::State => Cell::new(&status.state.to_string()),
            Self::Active => Cell::new(&or_dash(status.active().join(","))),
            Self::Backends => Cell::new(&or_dash(backends(status, style.wide))),
            Self::Since => Cell::new(&at.map_or("-".to_owned(), |at| ago(at, shown.now))),
            Self::Loop => Cell::new(match &status.runner {
                Runner::Held(holder) => holder,
                Runner::Upstream => "linkerd-failover",
                Runner::Nobody => "nobody",
                Runner::Unknown => "unknown",
            }),
            Self::Flags => Cell::new(&or_dash(status.flags.names().join(","))),
            Self::By => Cell::new(&or_dash(by.to_owned())),
            Self::Why if status.mend.is_some() => Cell::new(&status.reason),
            Self::Why => Cell::new(&or_dash(why.to_owned())),
        }
    }
}

fn backends(status: &Status, wide: bool) -> String {
    let one = |backend: &BackendStatus| {
        let counts = counts(backend);
        let short = backend
            .readiness
            .side()
            .filter(|_| !backend.readiness.is_ready())
            .and_then(Side::short);
        let short = short.map_or(String::new(), |side| format!(",{side}"));
        let weight = if wide {
            format!("(w{}{short})", backend.weight)
        } else {
            String::new()
        };
        format!("{}:{counts}{weight}", backend.name)
    };
    status
        .backends
        .iter()
        .map(one)
        .collect::<Vec<_>>()
        .join(" ")
}

/// How many endpoints of a backend are ready.
pub(crate) fn counts(backend: &BackendStatus) -> String {
    match &backend.readiness {
        Readiness::Known { ready, total } | Readiness::Mirrored { ready, total, .. } => {
            format!("{ready}/{total}")
        }
        Readiness::Missing => "missing".to_owned(),
        Readiness::Unknown { .. } => "?".to_owned(),
    }
}

/// When, by whom and why.
fn change(changed: &Changed) -> (Option<Timestamp>, &str, &str) {
    match changed {
        Changed::Moved(last) => (Some(last.at), &last.by, &last.why),
        Changed::Edited { by, at } => (Some(*at), by, "backends last edited (a hint)"),
        Changed::Created(at) => (*at, "", "as created"),
    }
}

/// What is to be said of a group that is not at home; nothing of one that is, without a warning.
fn note(status: &Status, name: &str, now: Timestamp) -> String {
    let said = |text: &str| shorten(&clean(text), LONGEST_NOTE);
    let warning = |text: &String| format!("{}: warning: {}.\n", said(name), said(text));
    let warnings: String = status.warnings.iter().map(warning).collect();
    let unknown = unknown_words(status);
    if matches!(status.state, State::Primary | State::Active) && status.order.is_none() {
        let unknown = unknown.map(|words| format!("{}: {}\n", said(name), said(&words)));
        return unknown.unwrap_or_default() + &warnings;
    }
    let mut text = format!("{}: {}. ", said(name), said(&status.reason));
    if status.state == State::OutOfSync {
        text.push_str(unwritten(status));
    }
    if let Some(words) = &unknown {
        text.push_str(&format!("{} ", said(words)));
    }
    if status.flags.unverified {
        text.push_str("The traffic is where nobody can say that anything is ready (unverified). ");
    }
    if let Some(order) = &status.order {
        text.push_str(&format!("{}. ", said(&order_words(order, &status.runner))));
    }
    match &status.changed {
        Changed::Moved(last) => {
            let why = if last.why == status.reason {
                String::new()
            } else {
                format!(": {}", said(&last.why))
            };
            text.push_str(&format!(
                "Moved {} ago by {}{why}.",
                ago(last.at, now),
                said(&last.by)
            ));
        }
        Changed::Edited { by, at } => {
            text.push_str(&format!(
                "Backends last edited by {}, {} ago.",
                said(by),
                ago(*at, now)
            ));
        }
        Changed::Created(_) => {}
    }
    format!("{}\n{warnings}", text.trim_end())
}

/// Why what should be so is not so yet.
fn unwritten(status: &Status) -> &'static str {
    match (&status.runner, status.left_over()) {
        (Runner::Nobody, Some(LeftOver::Pause)) => "The pause is over, and nobody runs to end it. ",
        (Runner::Nobody, _) => "Nobody runs to write that. ",
        (Runner::Upstream, Some(LeftOver::Pause)) => {
            "The pause is over, and Linkerd's controller does not end it. "
        }
        // What is said of the override says it.
        (Runner::Upstream, Some(LeftOver::Override)) => "",
        _ => "That is not written yet. ",
    }
}

/// Why the readiness of backends is unknown, where the reason does not say so already.
fn unknown_words(status: &Status) -> Option<String> {
    let words = status.backends.iter().filter_map(|backend| {
        let why = backend.readiness.why_unknown()?.to_string();
        let what = if backend.readiness.is_unknown() {
            "is ready"
        } else {
            "has more endpoints"
        };
        (!status.reason.contains(&why))
            .then(|| format!("Whether {} {what} is not known: {why}.", backend.name))
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// What an override asks for, by whom and why, and what has become of it.
fn order_words(order: &OrderStatus, runner: &Runner) -> String {
    let asked = |order: &Override| {
        let by = if order.by.is_empty() {
            "someone"
        } else {
            &order.by
        };
        let reason = order
            .reason
            .as_ref()
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default();
        format!("Forced to {} by {by}{reason}", order.to)
    };
    let end = |order: &Override| {
        order
            .until
            .map(|until| format!("{until:.0}"))
            .unwrap_or_default()
    };
    match order {
        OrderStatus::InForce(order) if order.until.is_some() => {
            format!("{} until {}", asked(order), end(order))
        }
        OrderStatus::InForce(order) => asked(order),
        OrderStatus::Over(order) => {
            let yet = match runner {
                Runner::Nobody => "nobody runs to end it",
                Runner::Upstream => "Linkerd's controller does not end it",
                Runner::Held(_) | Runner::Unknown => "not ended yet",
            };
            format!("{}, expired at {}: {yet}", asked(order), end(order))
        }
        OrderStatus::Homeless(order) => {
            format!(
                "{}, without an end: it does not say which backend is home",
                asked(order)
            )
        }
        OrderStatus::Broken {
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
                .map(|by| format!("; last edited by {by} (a hint)"));
            format!(
                "There is a broken override: {why}{asked}{}",
                by.unwrap_or_default()
            )
        }
    }
}

fn colour(state: State) -> Colour {
    match state {
        State::Primary | State::Active => Colour::Green,
        State::Invalid | State::Unavailable => Colour::Red,
        State::Failover | State::Overridden | State::OutOfSync | State::Unknown => Colour::Yellow,
        State::Waiting | State::Paused => Colour::Cyan,
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}
