//! How long the states lasted that events began.

use jiff::Timestamp;

use super::row::{HistoryRow, Lasted};
use crate::model::event::{EventKind, GroupEvent};

/// Sets how long the state of each row lasted, for rows of one group with the oldest first.
pub fn set(rows: &mut [HistoryRow], now: Timestamp) {
    let events: Vec<GroupEvent> = rows.iter().map(|row| row.event.clone()).collect();
    for (index, row) in rows.iter_mut().enumerate() {
        let later = events.get(index + 1..).unwrap_or_default();
        let Some(end) = end_of(&row.event, later) else {
            continue;
        };
        let until = end.map_or(now, |event| event.at);
        let time = until.duration_since(row.event.at);
        row.lasted = Some(Lasted {
            time: time.try_into().unwrap_or_default(),
            goes_on: end.is_none(),
        });
    }
}

/// Returns the event that ended the state which an event began, if one did. None: it began none.
fn end_of<'a>(event: &GroupEvent, later: &'a [GroupEvent]) -> Option<Option<&'a GroupEvent>> {
    let mut later = later.iter();
    if event.moves() {
        return Some(later.find(|next| next.moves()));
    }
    match event.kind {
        EventKind::Paused => Some(later.find(|next| {
            let is_over = next.kind == EventKind::Expired && !next.moves();
            is_over || matches!(next.kind, EventKind::Resumed | EventKind::Paused)
        })),
        EventKind::Exposed => Some(later.find(|next| {
            next.kind == EventKind::Recovered || next.kind.is_outage() || next.moves()
        })),
        kind if kind.is_outage() => Some(later.find(|next| {
            next.kind == EventKind::Recovered || next.kind.is_outage() || next.moves()
        })),
        _ => None,
    }
}
