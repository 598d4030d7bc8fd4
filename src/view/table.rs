//! The state of groups, as a table for people.

use comfy_table::{Cell, Color, ContentArrangement, Row, Table, presets};
use jiff::Timestamp;

use super::ago::ago;
use super::status::next_step;
use super::text::{clean, shorten};
use crate::model::{BackendStatus, Changed, OrderStatus, Override, Readiness, Runner, State, Status};

/// The longest text in one cell.
const LONGEST_CELL: usize = 120;

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
    table.set_header(header(style));
    for status in statuses {
        table.add_row(row(status, style, now));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let notes: Vec<String> = statuses.iter().filter_map(|status| note(status, context, now)).collect();
    if !notes.is_empty() {
        text.push('\n');
        text.push_str(&notes.concat());
    }
    text
}

fn header(style: Style) -> Vec<&'static str> {
    let mut names = vec!["NAME", "APEX", "STATE", "ACTIVE", "BACKENDS", "SINCE", "LOOP"];
    if style.namespaces {
        names.insert(0, "NAMESPACE");
    }
    if style.wide {
        names.extend(["FLAGS", "BY", "WHY"]);
    }
    names
}

fn row(status: &Status, style: Style, now: Timestamp) -> Row {
    let (at, by, why) = change(&status.changed);
    let mut cells = vec![
        text_cell(&status.id.name),
        text_cell(&status.apex),
        state_cell(status.state, style.colour),
        text_cell(&or_dash(status.active().join(","))),
        text_cell(&or_dash(backends(status, style.wide))),
        text_cell(&at.map_or("-".to_owned(), |at| ago(at, now))),
        text_cell(match &status.runner {
            Runner::Held(holder) => holder,
            Runner::Upstream => "linkerd-failover",
            Runner::Nobody => "nobody",
            Runner::Unknown => "unknown",
        }),
    ];
    if style.namespaces {
        cells.insert(0, text_cell(&status.id.namespace));
    }
    if style.wide {
        let why = if status.mend.is_some() { &status.reason } else { why };
        cells.push(text_cell(&or_dash(status.flags.names().join(","))));
        cells.push(text_cell(&or_dash(by.to_owned())));
        cells.push(text_cell(&or_dash(why.to_owned())));
    }
    Row::from(cells)
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
    let mut text = format!("{}: {}. ", status.id.name, clean(&status.reason));
    if let Some(order) = &status.order {
        text.push_str(&format!("{}. ", clean(&order_words(order, status.flags.unattended))));
    }
    match &status.changed {
        Changed::Moved(last) => {
            let why =
                if last.why == status.reason { String::new() } else { format!(": {}", clean(&last.why)) };
            text.push_str(&format!("Moved {} ago by {}{why}.", ago(last.at, now), clean(&last.by)));
        }
        Changed::Edited { by, at } => {
            text.push_str(&format!("Backends last edited by {}, {} ago.", clean(by), ago(*at, now)));
        }
        Changed::Created(_) => {}
    }
    let mut text = format!("{}\n", text.trim_end());
    if let Some(next) = next_step(status, context) {
        text.push_str(&format!("  next: {next}\n"));
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

fn text_cell(text: &str) -> Cell {
    Cell::new(shorten(&clean(text), LONGEST_CELL))
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}
