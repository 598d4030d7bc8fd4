//! The output of `status` for one cluster: the table, and below it notes on the groups that are not
//! at home.

use super::notes::{notes, summary};
use super::table::{ClusterStatuses, TableStyle};
use super::{narrow, table};
use crate::text::wrap;

/// How a line with the next command begins.
const NEXT_STEP: &str = "next: ";

/// Returns the table and the notes. `columns` is the width of the terminal, if there is one.
pub fn report(groups: ClusterStatuses, style: TableStyle, columns: Option<u16>) -> String {
    let rows = match columns {
        Some(columns) => narrow::rows(groups, style, columns).join("\n") + "\n",
        None => table::rows(&[groups], style),
    };
    let notes = notes(groups, style) + &summary(groups.statuses);
    if notes.is_empty() {
        return rows;
    }
    let notes: String = notes
        .lines()
        .map(|line| fold(line, columns) + "\n")
        .collect();
    format!("{rows}\n{notes}")
}

/// A terminal wraps a command without breaking it, so that it can be pasted.
fn fold(line: &str, columns: Option<u16>) -> String {
    match columns {
        Some(columns) if !line.trim_start().starts_with(NEXT_STEP) => {
            wrap(line, columns.into()).join("\n")
        }
        _ => line.to_owned(),
    }
}
