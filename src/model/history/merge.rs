//! Several reports of one event become one row.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::row::HistoryRow;
use crate::model::event::{EventKind, GroupEvent};
use crate::model::ids::GroupId;
use crate::model::moves::same_weights;

/// Two reports within this time can describe one event. Edit times are whole seconds.
pub const SAME_EVENT_WINDOW: SignedDuration = SignedDuration::from_secs(2);

/// Merges reports of the same events, and returns the events of all groups, the oldest first.
pub fn merge(mut reports: Vec<HistoryRow>) -> Vec<HistoryRow> {
    let precedence = |row: &HistoryRow| row.sources.first().map(|source| source.precedence());
    reports.sort_by_key(precedence);
    let mut rows: Vec<HistoryRow> = Vec::new();
    let mut by_group: BTreeMap<GroupId, Vec<usize>> = BTreeMap::new();
    for report in reports {
        let known = by_group.entry(report.event.group.clone()).or_default();
        let same = known
            .iter()
            .copied()
            .find(|index| rows.get(*index).is_some_and(|row| is_same(row, &report)));
        match same.and_then(|index| rows.get_mut(index)) {
            Some(row) => {
                row.sources.extend(report.sources);
                row.sources.sort();
                row.sources.dedup();
                row.event.from = row.event.from.take().or(report.event.from);
                row.event.to = row.event.to.take().or(report.event.to);
                row.event.apex = row.event.apex.take().or(report.event.apex);
            }
            None => {
                known.push(rows.len());
                rows.push(report);
            }
        }
    }
    rows.sort_by_key(|row| row.event.at);
    rows
}

/// Two reports of one source are two events, however close together.
fn is_same(known: &HistoryRow, report: &HistoryRow) -> bool {
    let (a, b) = (&known.event, &report.event);
    let is_move = |event: &GroupEvent| event.kind.may_move() && event.kind != EventKind::Edited;
    let is_one_kind = a.kind == b.kind || a.at == b.at && is_move(a) && is_move(b);
    is_one_kind
        && a.at.duration_since(b.at).abs() <= SAME_EVENT_WINDOW
        && !report
            .sources
            .iter()
            .any(|source| known.sources.contains(source))
        && agree(a.to.as_deref(), b.to.as_deref())
}

fn agree(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same_weights(a, b),
        _ => true,
    }
}

/// Merges reports that say the same again, for rows of one group with the oldest first.
pub fn without_repeats(rows: Vec<HistoryRow>) -> Vec<HistoryRow> {
    let mut kept: Vec<HistoryRow> = Vec::new();
    // The last report of what has not ended.
    let mut standing: Option<usize> = None;
    for row in rows {
        let last = standing.and_then(|index| kept.get_mut(index));
        if let Some(last) = last
            && last.event.is_repeated_by(&row.event)
        {
            last.sources.extend(row.sources);
            last.sources.sort();
            last.sources.dedup();
            continue;
        }
        if row.event.stands() {
            standing = Some(kept.len());
        } else if row.event.moves() || row.event.kind == EventKind::Recovered {
            standing = None;
        }
        kept.push(row);
    }
    kept
}
