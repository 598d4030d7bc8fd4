//! The state of groups, as a table for people.

use comfy_table::{Cell, Color, ContentArrangement, Row, Table, presets};
use jiff::Timestamp;
use unicode_width::UnicodeWidthStr as _;

use super::ago::ago;
use super::status::next_step;
use super::text::{clean, shorten};
use crate::model::{BackendStatus, Changed, OrderStatus, Override, Readiness, Runner, State, Status};

/// The longest text in one cell.
const LONGEST_CELL: usize = 120;

/// The longest text in a note below the table.
const LONGEST_NOTE: usize = 400;

/// How a table is to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// With weights, by whom and why.
    pub wide: bool,
    /// With a column for the namespace.
    pub namespaces: bool,
    pub colour: bool,
    /// Columns of the terminal; none: as wide as it gets.
    pub width: Option<u16>,
}

/// A row for each group, and below a line or two for each one that is not at home.
pub fn render(statuses: &[Status], context: &str, style: Style, now: Timestamp) -> String {
    let (rows, notes) = (rows(statuses, style, now), notes(statuses, context, now));
    if notes.is_empty() { rows } else { format!("{rows}\n{notes}") }
}

/// A row for each group.
pub fn rows(statuses: &[Status], style: Style, now: Timestamp) -> String {
    rows_with(&Column::of(style), statuses, style, now)
}

/// The same without the columns that matter least, as far as there is no room for them.
pub fn rows_that_fit(statuses: &[Status], style: Style, columns: u16, now: Timestamp) -> String {
    let mut shown = Column::of(style);
    for least in Column::LEAST_FIRST {
        let plain = Style { width: None, colour: false, ..style };
        let natural = rows_with(&shown, statuses, plain, now);
        if natural.lines().all(|line| line.width() <= usize::from(columns)) {
            break;
        }
        shown.retain(|column| *column != least);
    }
    rows_with(&shown, statuses, Style { width: Some(columns), ..style }, now)
}

fn rows_with(columns: &[Column], statuses: &[Status], style: Style, now: Timestamp) -> String {
    let header = columns.iter().map(|column| column.name()).collect();
    let row = |status: &Status| {
        Row::from(columns.iter().map(|column| column.cell(status, style, now)).collect::<Vec<_>>())
    };
    grid(header, statuses.iter().map(row), style)
}

/// Columns without lines between them, as wide as the terminal at most.
pub(super) fn grid(header: Vec<&str>, rows: impl Iterator<Item = Row>, style: Style) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match style.width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table.set_header(header).add_rows(rows);
    if style.colour {
        // Whether there is a terminal has been asked already, and may not matter.
        table.enforce_styling();
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A line or two for each group that is not at home.
pub fn notes(statuses: &[Status], context: &str, now: Timestamp) -> String {
    statuses.iter().filter_map(|status| note(status, context, now)).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
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
    /// Those that can be done without, the first one most easily.
    const LEAST_FIRST: [Self; 8] = [
        Self::Loop,
        Self::Apex,
        Self::By,
        Self::Why,
        Self::Since,
        Self::Flags,
        Self::Namespace,
        Self::Backends,
    ];

    fn of(style: Style) -> Vec<Self> {
        use Column::{Active, Apex, Backends, By, Flags, Loop, Name, Namespace, Since, State, Why};
        let mut columns = vec![Name, Apex, State, Active, Backends, Since, Loop];
        if style.namespaces {
            columns.insert(0, Namespace);
        }
        if style.wide {
            columns.extend([Flags, By, Why]);
        }
        columns
    }

    fn name(self) -> &'static str {
        match self {
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

    fn cell(self, status: &Status, style: Style, now: Timestamp) -> Cell {
        let (at, by, why) = change(&status.changed);
        match self {
            Self::Namespace => text_cell(&status.id.namespace),
            Self::Name => text_cell(&status.id.name),
            Self::Apex => text_cell(&status.apex),
            Self::State => state_cell(status.state, style.colour),
            Self::Active => text_cell(&or_dash(status.active().join(","))),
            Self::Backends => text_cell(&or_dash(backends(status, style.wide))),
            Self::Since => text_cell(&at.map_or("-".to_owned(), |at| ago(at, now))),
            Self::Loop => text_cell(match &status.runner {
                Runner::Held(holder) => holder,
                Runner::Upstream => "linkerd-failover",
                Runner::Nobody => "nobody",
                Runner::Unknown => "unknown",
            }),
            Self::Flags => text_cell(&or_dash(status.flags.names().join(","))),
            Self::By => text_cell(&or_dash(by.to_owned())),
            Self::Why if status.mend.is_some() => text_cell(&status.reason),
            Self::Why => text_cell(&or_dash(why.to_owned())),
        }
    }
}

fn backends(status: &Status, wide: bool) -> String {
    let one = |backend: &BackendStatus| {
        let counts = match &backend.readiness {
            Readiness::Known { ready, total } => format!("{ready}/{total}"),
            Readiness::Missing => "missing".to_owned(),
            Readiness::Unknown { .. } => "?".to_owned(),
        };
        let weight = if wide { format!("(w{})", backend.weight) } else { String::new() };
        format!("{}:{counts}{weight}", backend.name)
    };
    status.backends.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// When, by whom and why.
fn change(changed: &Changed) -> (Option<Timestamp>, &str, &str) {
    match changed {
        Changed::Moved(last) => (Some(last.at), &last.by, &last.why),
        Changed::Edited { by, at } => (Some(*at), by, "backends last edited (a hint)"),
        Changed::Created(at) => (*at, "", "as created"),
    }
}

/// What is to be said of a group that is not at home.
fn note(status: &Status, context: &str, now: Timestamp) -> Option<String> {
    if matches!(status.state, State::Primary | State::Active) && status.order.is_none() {
        return None;
    }
    let said = |text: &str| shorten(&clean(text), LONGEST_NOTE);
    let mut text = format!("{}: {}. ", said(&status.id.name), said(&status.reason));
    if status.state == State::OutOfSync {
        text.push_str("What follows from that is not written yet. ");
    }
    if let Some(order) = &status.order {
        text.push_str(&format!("{}. ", said(&order_words(order, status.flags.unattended))));
    }
    match &status.changed {
        Changed::Moved(last) => {
            let why =
                if last.why == status.reason { String::new() } else { format!(": {}", said(&last.why)) };
            text.push_str(&format!("Moved {} ago by {}{why}.", ago(last.at, now), said(&last.by)));
        }
        Changed::Edited { by, at } => {
            text.push_str(&format!("Backends last edited by {}, {} ago.", said(by), ago(*at, now)));
        }
        Changed::Created(_) => {}
    }
    let mut text = format!("{}\n", text.trim_end());
    if let Some(next) = next_step(status, context) {
        text.push_str(&format!("  next: {}\n", clean(&next)));
    }
    Some(text)
}

/// What an override asks for, by whom and why, and what has become of it.
fn order_words(order: &OrderStatus, unattended: bool) -> String {
    let asked = |order: &Override| {
        let by = if order.by.is_empty() { "someone" } else { &order.by };
        let reason = order.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("Forced to {} by {by}{reason}", order.to)
    };
    let end = |order: &Override| order.until.map(|until| format!("{until:.0}")).unwrap_or_default();
    match order {
        OrderStatus::InForce(order) if order.until.is_some() => {
            format!("{} until {}", asked(order), end(order))
        }
        OrderStatus::InForce(order) => asked(order),
        OrderStatus::Over(order) => {
            let yet = if unattended { "nobody runs to end it" } else { "not ended yet" };
            format!("{}, expired at {}: {yet}", asked(order), end(order))
        }
        OrderStatus::Homeless(order) => {
            format!("{}, without an end: it does not say which backend is home", asked(order))
        }
        OrderStatus::Broken { why } => format!("There is a broken override: {why}"),
    }
}

fn state_cell(state: State, colour: bool) -> Cell {
    let cell = Cell::new(state.to_string());
    if !colour {
        return cell;
    }
    cell.fg(match state {
        State::Primary | State::Active => Color::Green,
        State::Invalid | State::Unavailable => Color::Red,
        State::Failover | State::Overridden | State::OutOfSync | State::Unknown => Color::Yellow,
        State::Waiting | State::Paused => Color::Cyan,
    })
}

pub(super) fn text_cell(text: &str) -> Cell {
    Cell::new(shorten(&clean(text), LONGEST_CELL))
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}
