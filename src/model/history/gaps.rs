//! What somebody else changed between two moves.

use jiff::Timestamp;

use super::merge::SAME_EVENT_WINDOW;
use super::row::{CurrentGroup, EventSource, HistoryRow};
use crate::model::event::{EventKind, GroupEvent};
use crate::model::moves::same_weights;

/// The name of the backends' last writer, where the object does not tell.
const SOMEBODY: &str = "somebody";

/// Adds a row where a move does not begin where the last one ended.
pub fn filled(rows: Vec<HistoryRow>, group: Option<&CurrentGroup>) -> Vec<HistoryRow> {
    let mut complete: Vec<HistoryRow> = Vec::new();
    let mut last: Option<(Timestamp, String)> = None;
    for mut row in rows {
        if row.event.kind == EventKind::Edited && row.event.to.is_some() {
            let known = last.as_ref().map(|(_, weights)| weights.clone());
            row.event.from = row.event.from.take().or(known);
        }
        if let (Some((ended, weights)), Some(from)) = (&last, &row.event.from)
            && !same_weights(weights, from)
        {
            complete.push(gap(*ended, weights, &row.event, group));
        }
        if let Some(to) = &row.event.to {
            last = Some((row.event.at, to.clone()));
        }
        complete.push(row);
    }
    complete
}

/// Somebody changed the weights between a move and the next one.
fn gap(
    ended: Timestamp,
    weights: &str,
    next: &GroupEvent,
    group: Option<&CurrentGroup>,
) -> HistoryRow {
    let edit = group.and_then(|group| group.last_edit.clone());
    let edit = edit.map(|(by, at)| (by, at.filter(|at| *at <= next.at)));
    let (by, at) = edit.unwrap_or_else(|| (SOMEBODY.to_owned(), None));
    let at = at.filter(|at| *at + SAME_EVENT_WINDOW >= ended);
    let when = if at.is_some() {
        String::new()
    } else {
        format!(", between {ended:.0} and {:.0}", next.at)
    };
    let event = GroupEvent {
        kind: EventKind::Edited,
        at: at.unwrap_or(next.at).max(ended),
        from: Some(weights.to_owned()),
        to: next.from.clone(),
        why: format!("not by this tool{when}; last writer {by}"),
        by,
        unverified: false,
        took: None,
        ..next.clone()
    };
    HistoryRow::new(event, EventSource::Gap)
}
