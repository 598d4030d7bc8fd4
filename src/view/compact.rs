//! The table of groups for a terminal that may be narrow.

use super::live::wrap;
use super::table;
use super::table::{Column, Shown, TableStyle, columns_of, counts};
use crate::model::{BackendStatus, Status};
use crate::text::clean;

/// What can be had elsewhere, the least needed first.
const SPARE: [Column; 4] = [Column::Apex, Column::By, Column::Why, Column::Flags];
/// What two lines for each group have in the first one, the most needed first.
const FIRST_LINE: [Column; 5] = [
    Column::Name,
    Column::State,
    Column::Active,
    Column::Since,
    Column::Loop,
];
/// What is to be done about a group starts with this.
const NEXT: &str = "next: ";
/// A terminal has a column of the first line for every so many of its own.
const NARROWEST: usize = 9;

/// The groups and, below, a line or two for each one that is not at home.
pub fn render(groups: Shown, style: TableStyle, columns: u16) -> String {
    let rows = rows(groups, style, columns).join("\n") + "\n";
    let notes = table::notes(groups, style) + &table::summary(groups.statuses);
    if notes.is_empty() {
        return rows;
    }
    // What is to be pasted is left to the terminal, which wraps it without breaking it.
    let fold = |line: &str| match line.trim_start().starts_with(NEXT) {
        true => line.to_owned(),
        false => wrap(line, columns.into()).join("\n"),
    };
    let notes: Vec<String> = notes.lines().map(fold).collect();
    format!("{rows}\n{}\n", notes.join("\n"))
}

/// What stands below the groups, after an empty line; nothing where all are at home.
pub fn notes(groups: Shown, style: TableStyle, columns: u16) -> Vec<String> {
    let notes = table::notes(groups, style);
    let lines: Vec<String> = notes
        .lines()
        .flat_map(|line| wrap(line, columns.into()))
        .collect();
    if lines.is_empty() {
        lines
    } else {
        [vec![String::new()], lines].concat()
    }
}

/// One line for each group where that fits, two where it does not.
pub fn rows(groups: Shown, style: TableStyle, columns: u16) -> Vec<String> {
    let mut shown = Column::of(style);
    let fitting = std::iter::once(None)
        .chain(SPARE.map(Some))
        .find_map(|spare| {
            shown.retain(|column| Some(*column) != spare);
            let table = columns_of(&shown, &[groups], style);
            (table.width() <= columns.into()).then(|| table.lines())
        });
    fitting.unwrap_or_else(|| two_lines(groups, style, columns))
}

fn two_lines(groups: Shown, style: TableStyle, columns: u16) -> Vec<String> {
    let room = (usize::from(columns) / NARROWEST).clamp(1, FIRST_LINE.len());
    let table = columns_of(&FIRST_LINE[..room], &[groups], style);
    let mut lines = table.cut_to(columns).lines().into_iter();
    let mut out: Vec<String> = lines.next().into_iter().collect();
    for (line, status) in lines.zip(groups.statuses) {
        out.push(line);
        out.extend(wrap(&second_line(status, style), columns.into()));
    }
    out
}

/// `0/2 web-svc, 1/1 web-svc-east`, after the namespace where that is shown.
fn second_line(status: &Status, style: TableStyle) -> String {
    let namespace = if style.namespaces {
        format!("{}: ", status.id.namespace)
    } else {
        String::new()
    };
    let one = |backend: &BackendStatus| {
        let weight = if style.wide {
            format!(" (w{})", backend.weight)
        } else {
            String::new()
        };
        format!("{} {}{weight}", counts(backend), backend.name)
    };
    let backends: Vec<String> = status.backends.iter().map(one).collect();
    clean(&format!("  {namespace}{}", backends.join(", ")))
}
