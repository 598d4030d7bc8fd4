//! The output of `status` for one cluster: the table, and below it notes on the groups that are not
//! at home.

use super::note_line::NoteLine;
use super::notes::{notes, summary};
use super::table::{ClusterStatuses, TableStyle, worst_first};
use super::{narrow, table};

/// Returns the table and the notes. `columns` is the width of the terminal, if there is one.
pub fn report(groups: ClusterStatuses, style: TableStyle, columns: Option<u16>) -> String {
    let statuses = &worst_first(groups.statuses);
    let groups = ClusterStatuses { statuses, ..groups };
    let rows = match columns {
        Some(columns) => narrow::rows(groups, style, columns).join("\n") + "\n",
        None => table::rows(&[groups], style),
    };
    let mut notes = notes(groups, style);
    notes.extend(summary(groups.statuses));
    if notes.is_empty() {
        return rows;
    }
    // A terminal wraps a command without breaking it, so that it can be pasted.
    let fold = |note: NoteLine| match columns.filter(|_| !note.is_command) {
        Some(columns) => note.folded(columns, style),
        None => vec![note.whole(style)],
    };
    let notes: Vec<String> = notes.into_iter().flat_map(fold).collect();
    format!("{rows}\n{}\n", notes.join("\n"))
}
