//! The past of groups as `history` lists it, merged from several sources: what is missing between
//! two moves is a row of its own, and each row knows how long its state lasted.

mod durations;
mod gaps;
mod merge;
mod row;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use self::row::{CurrentGroup, EventSource, HistoryRow, Lasted};
pub use self::summary::{GroupSummary, summaries};
use super::ids::GroupId;

/// Merges reports of the same events, adds what is missing between them, and returns all, the
/// newest first. `now`: the API server's time.
pub fn history(
    reports: Vec<HistoryRow>,
    groups: &[CurrentGroup],
    now: Timestamp,
) -> Vec<HistoryRow> {
    let mut by_group: BTreeMap<GroupId, Vec<HistoryRow>> = BTreeMap::new();
    for row in merge::merge(reports) {
        by_group
            .entry(row.event.group.clone())
            .or_default()
            .push(row);
    }
    let mut rows = Vec::new();
    for (id, of_group) in by_group {
        let group = groups.iter().find(|group| group.group == id);
        let mut of_group = gaps::filled(merge::without_repeats(of_group), group);
        durations::set(&mut of_group, now);
        for row in &mut of_group {
            let over = group.is_some_and(|group| group.over.contains(&row.event.kind));
            // Nothing tells when it ended.
            row.lasted = row.lasted.filter(|lasted| !(lasted.goes_on && over));
        }
        rows.extend(of_group);
    }
    rows.sort_by_key(|row| row.event.at);
    rows.reverse();
    rows
}
