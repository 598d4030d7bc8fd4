//! The past of groups: as a table, as lines, and as JSON, YAML, CSV and Markdown.

pub mod basis;
pub mod cells;
pub mod csv;
pub mod folded;
pub mod list;
pub mod markdown;
pub mod table;

use crate::model::history::HistoryRow;

/// A row of the history of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct ClusterRow<'a> {
    pub context: &'a str,
    pub row: &'a HistoryRow,
}
