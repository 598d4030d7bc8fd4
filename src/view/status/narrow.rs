//! Fits the table of `status` to a terminal: leaves out columns, then uses two lines for each
//! group.

use super::table;
use super::table::{ClusterStatuses, StatusColumn, TableStyle, counts};
use crate::model::{BackendStatus, Status};
use crate::text::{clean, wrap};

/// The columns to leave out if there is no room, in this order.
const OPTIONAL_COLUMNS: [StatusColumn; 5] = [
    StatusColumn::Apex,
    StatusColumn::Moved,
    StatusColumn::By,
    StatusColumn::Why,
    StatusColumn::Flags,
];
/// The columns of the first of two lines, the most important one first.
const FIRST_LINE_COLUMNS: [StatusColumn; 5] = [
    StatusColumn::Name,
    StatusColumn::State,
    StatusColumn::Active,
    StatusColumn::Since,
    StatusColumn::Watch,
];
/// The width that a first line needs for each of its columns.
const MIN_COLUMN_WIDTH: usize = 9;

/// One line for each group if that fits, two otherwise.
pub fn rows(groups: ClusterStatuses, style: TableStyle, columns: u16) -> Vec<String> {
    let mut shown = StatusColumn::of(style);
    let fitting = std::iter::once(None)
        .chain(OPTIONAL_COLUMNS.map(Some))
        .find_map(|optional| {
            shown.retain(|column| Some(*column) != optional);
            let table = table::columns(&shown, &[groups], style);
            (table.width() <= columns.into()).then(|| table.lines())
        });
    fitting.unwrap_or_else(|| two_lines(groups, style, columns))
}

fn two_lines(groups: ClusterStatuses, style: TableStyle, columns: u16) -> Vec<String> {
    let room = (usize::from(columns) / MIN_COLUMN_WIDTH).clamp(1, FIRST_LINE_COLUMNS.len());
    let table = table::columns(&FIRST_LINE_COLUMNS[..room], &[groups], style);
    let mut lines = table.cut_to(columns).lines().into_iter();
    let mut out: Vec<String> = lines.next().into_iter().collect();
    for (line, status) in lines.zip(groups.statuses) {
        out.push(line);
        out.extend(wrap(&second_line(status, style), columns.into()));
    }
    out
}

/// Such as `0/2 web-svc, 1/1 web-svc-east`, after the namespace if that is shown.
fn second_line(status: &Status, style: TableStyle) -> String {
    let namespace = if style.namespaces {
        format!("{}: ", status.id.namespace)
    } else {
        String::new()
    };
    let one = |backend: &BackendStatus| {
        let weight = if style.wide {
            format!(" (w{})", backend.weight_on_object)
        } else {
            String::new()
        };
        format!("{} {}{weight}", counts(backend), backend.name)
    };
    let backends: Vec<String> = status.backends.iter().map(one).collect();
    clean(&format!("  {namespace}{}", backends.join(", ")))
}
