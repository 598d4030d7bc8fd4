//! The past of groups as Markdown, for a post-mortem: the oldest event first, then the durations.

use jiff::Timestamp;

use super::ClusterRow;
use super::cells::{by, from_and_to, lasted, summary, why};
use crate::model::history::GroupSummary;
use crate::text::clean;

/// What a post-mortem is about.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Where the groups are, such as `namespace shop of context west`.
    pub place: &'a str,
    /// Several clusters, so that each row names its own.
    pub contexts: bool,
    pub rows: &'a [ClusterRow<'a>],
    pub summaries: &'a [GroupSummary],
    pub now: Timestamp,
}

pub fn report(report: &Report) -> String {
    let mut lines = vec![
        format!("# Failover history of {}", escaped(report.place)),
        String::new(),
        format!("As of {:.0}. All times are UTC.", report.now),
        String::new(),
    ];
    if report.rows.is_empty() {
        lines.push("No failovers recorded.".to_owned());
    } else {
        lines.push("| Time | Group | Event | Traffic | For | By | Why |".to_owned());
        lines.push("|---|---|---|---|---|---|---|".to_owned());
        lines.extend(
            report
                .rows
                .iter()
                .rev()
                .map(|row| line(row, report.contexts)),
        );
    }
    let durations: Vec<String> = report.summaries.iter().filter_map(summary).collect();
    if !durations.is_empty() {
        lines.push(String::new());
        lines.extend(durations.iter().map(|line| format!("- {}", escaped(line))));
    }
    lines.join("\n") + "\n"
}

fn line(told: &ClusterRow, contexts: bool) -> String {
    let event = &told.row.event;
    let (from, to) = from_and_to(event, false);
    let traffic = if event.moves() {
        format!("{from} → {to}")
    } else if event.to.is_some() {
        format!("on {to}")
    } else {
        String::new()
    };
    let group = if contexts {
        format!("{}: {}", told.context, event.group)
    } else {
        event.group.to_string()
    };
    let cells = [
        event.at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        group,
        event.kind.to_string(),
        traffic,
        lasted(told.row).replace('-', ""),
        by(event).to_owned(),
        why(event),
    ];
    let cells = cells.map(|cell| escaped(&cell));
    format!("| {} |", cells.join(" | "))
}

/// Escapes what Markdown would take as markup of a table, a link or HTML.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in clean(text).chars() {
        if matches!(letter, '|' | '\\' | '<' | '>' | '[' | ']' | '`' | '*' | '_') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
