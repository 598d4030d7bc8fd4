//! How long each group was away from its primary, and without ready backends.

use std::collections::BTreeMap;
use std::time::Duration;

use super::row::{CurrentGroup, HistoryRow};
use crate::model::event::EventKind;
use crate::model::ids::GroupId;
use crate::model::moves::carriers;

/// How long a group was not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSummary {
    /// The group.
    pub group: GroupId,
    /// The time that its traffic was away from its primary.
    pub away: Duration,
    /// The time of outages.
    pub out: Duration,
    /// The number of moves.
    pub moves: usize,
}

/// Returns how long each group was away and out, from rows with the newest first.
pub fn summaries(rows: &[HistoryRow], groups: &[CurrentGroup]) -> Vec<GroupSummary> {
    let mut summaries: BTreeMap<&GroupId, GroupSummary> = BTreeMap::new();
    let mut homes: BTreeMap<&GroupId, &str> = groups
        .iter()
        .filter_map(|group| Some((&group.group, group.home.as_deref()?)))
        .collect();
    for row in rows.iter().rev() {
        let event = &row.event;
        let summary = summaries.entry(&event.group).or_insert(GroupSummary {
            group: event.group.clone(),
            away: Duration::ZERO,
            out: Duration::ZERO,
            moves: 0,
        });
        let time = row.lasted.map(|lasted| lasted.time).unwrap_or_default();
        if matches!(event.kind, EventKind::Down | EventKind::Unavailable) {
            summary.out += time;
        }
        if !event.moves() {
            continue;
        }
        summary.moves += 1;
        // Of a group that is gone, the first known backend counts as the primary.
        let from = event.from.as_deref().map(carriers).unwrap_or_default();
        let home = match (homes.get(&event.group), from.first()) {
            (Some(home), _) => *home,
            (None, Some(from)) => homes.entry(&event.group).or_insert(from),
            (None, None) => continue,
        };
        let to = event.to.as_deref().map(carriers);
        if to.is_some_and(|to| !to.contains(&home)) {
            summary.away += time;
        }
    }
    summaries.into_values().collect()
}
