//! Who set the weights of an object, and when: by the annotation `last-move` and the managed
//! fields.

use jiff::{SignedDuration, Timestamp};

use super::meta::ManagedFields;
use super::record::Record;
use crate::model::history::{CurrentGroup, EventSource, HistoryRow};
use crate::model::{EventKind, Group, GroupEvent, LastMove, OverrideState, WeightsOrigin};

/// The field manager of this tool's writes. It must not begin with `kubectl`: Flux takes such managers
/// for manual edits, and removes the annotations that they add. See
/// <https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers>.
pub const FIELD_MANAGER: &str = "linkerd-failover";

/// An edit within this time of a move may have reverted it.
const CONTEST_WINDOW: SignedDuration = SignedDuration::from_mins(10);

impl Record {
    /// Returns what set the weights, according to the object.
    pub fn weights_origin(&self) -> WeightsOrigin {
        if let Some(last) = self.group.as_ref().ok().and_then(Group::fitting_move) {
            return WeightsOrigin::Moved(last.clone());
        }
        let edit = self
            .foreign_fields()
            .filter(|entry| entry.owned.backends)
            .filter_map(|entry| Some((entry.time?, &entry.manager)))
            .max();
        match edit {
            Some((at, by)) if self.meta.creation_timestamp != Some(at) => {
                WeightsOrigin::Edited { by: by.clone(), at }
            }
            _ => WeightsOrigin::Created(self.meta.creation_timestamp),
        }
    }

    /// Returns when the object was last written, its status aside.
    pub fn last_edit(&self) -> Option<Timestamp> {
        let entries = self.meta.managed_fields.iter();
        let entries = entries.filter(|entry| entry.subresource.is_empty());
        let edits = entries.filter_map(|entry| entry.time);
        edits.max().or(self.meta.creation_timestamp)
    }

    /// Returns the events that the object itself records.
    pub fn events(&self) -> Vec<HistoryRow> {
        let note = self.meta.last_move();
        let edited = match self.weights_origin() {
            WeightsOrigin::Edited { by, at } => {
                // Edit times are whole seconds, and the weights do not fit the note.
                let at = note.as_ref().map_or(at, |note| note.at.max(at));
                let why = "backends changed outside this tool".to_owned();
                let event = self.event(EventKind::Edited, at, by, why);
                let group = self.group.as_ref().ok();
                let to = group.map(|group| group.write_weights(&group.weights()));
                let event = GroupEvent { to, ..event };
                Some(HistoryRow::new(event, EventSource::ManagedFields))
            }
            WeightsOrigin::Moved(_) | WeightsOrigin::Created(_) => None,
        };
        let moved = note.map(|note| self.noted(note));
        moved
            .into_iter()
            .chain(self.standing_orders())
            .chain(edited)
            .collect()
    }

    /// Returns the group as `history` needs it.
    pub fn current(&self) -> CurrentGroup {
        let entries = self.foreign_fields().filter(|entry| entry.owned.backends);
        let last = entries.max_by_key(|entry| entry.time);
        let home = self.group.as_ref().ok().map(|group| {
            let home = if group.overridden { group.home } else { None };
            group.backend_name(home.unwrap_or(group.primary)).to_owned()
        });
        CurrentGroup {
            group: self.id(),
            apex: self.apex.clone(),
            home,
            last_edit: last.map(|entry| (entry.manager.clone(), entry.time)),
            over: Vec::new(),
        }
    }

    /// Whether someone else changed the weights soon after they were moved. Edit times are whole
    /// seconds, so that a later edit can seem to precede the move.
    pub fn is_contested(&self) -> bool {
        let Some(last) = self.meta.last_move() else {
            return false;
        };
        matches!(self.weights_origin(), WeightsOrigin::Edited { at, .. }
            if at.duration_since(last.at).abs() < CONTEST_WINDOW)
    }

    /// Returns the field manager, other than this tool's, that last wrote the backends: a hint.
    pub fn last_editor(&self) -> Option<&str> {
        self.latest_manager(|entry| entry.owned.backends)
    }

    /// Returns the field manager, other than this tool's, that last wrote the override or the
    /// primary: a hint.
    pub fn order_editor(&self) -> Option<&str> {
        self.latest_manager(|entry| entry.owned.orders)
    }

    /// Returns the field manager, other than this tool's, that edited the object since then: a hint.
    pub fn editor_since(&self, then: Timestamp) -> Option<&str> {
        self.latest_manager(|entry| entry.time.is_some_and(|time| time >= then))
    }

    fn latest_manager(&self, owns: impl Fn(&ManagedFields) -> bool) -> Option<&str> {
        self.foreign_fields()
            .filter(|entry| owns(entry))
            .max_by_key(|entry| entry.time)
            .map(|entry| entry.manager.as_str())
    }

    /// Leaves out this tool's own fields. The tool records its moves in an annotation, and the time
    /// of its entry may be that of a later annotation.
    fn foreign_fields(&self) -> impl Iterator<Item = &ManagedFields> {
        self.meta
            .managed_fields
            .iter()
            .filter(|entry| entry.manager != FIELD_MANAGER)
    }

    /// Returns the move in the annotation, whether the weights still match it or not.
    fn noted(&self, note: LastMove) -> HistoryRow {
        let kind = EventKind::of_note(&note);
        let event = self.event(kind, note.at, note.by, note.why);
        let event = GroupEvent {
            from: Some(note.from),
            to: Some(note.to),
            unverified: note.unverified,
            ..event
        };
        HistoryRow::new(event, EventSource::LastMove)
    }

    /// Returns the override, the evacuations and their last return, and the pause on the object.
    fn standing_orders(&self) -> Vec<HistoryRow> {
        let Ok(group) = &self.group else {
            return Vec::new();
        };
        let order = group.order.as_ref().and_then(OverrideState::order);
        let forced = order.and_then(|order| {
            let why = order.in_words();
            Some(self.event(EventKind::Forced, order.at?, order.by.clone(), why))
        });
        let paused = group.paused.as_ref().and_then(|pause| {
            let reason = pause.reason.as_ref().map(|reason| format!(": {reason}"));
            let why = format!("paused{}", reason.unwrap_or_default());
            Some(self.event(EventKind::Paused, pause.at?, pause.by.clone(), why))
        });
        let evacuated = group.avoid.entries.iter().filter_map(|entry| {
            let why = entry.in_words();
            Some(self.event(EventKind::Evacuated, entry.at?, entry.by.clone(), why))
        });
        let returned = group.last_return.iter().map(|last| {
            let why = format!("ended evacuation {}", last.id);
            self.event(EventKind::Returned, last.at, last.by.clone(), why)
        });
        let orders = forced.into_iter().chain(evacuated).chain(returned);
        let orders = orders.chain(paused);
        orders
            .map(|event| HistoryRow::new(event, EventSource::Order))
            .collect()
    }

    /// Returns an event of the group that moves no traffic.
    pub(super) fn event(
        &self,
        kind: EventKind,
        at: Timestamp,
        by: String,
        why: String,
    ) -> GroupEvent {
        GroupEvent {
            kind,
            group: self.id(),
            apex: Some(self.apex.clone()),
            at,
            from: None,
            to: None,
            by,
            why,
            unverified: false,
            took: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::{Kind as _, TrafficSplit};

    #[test]
    fn a_return_that_moved_nothing_is_an_event() {
        let last = json!({"id": "CHG-4", "by": "bob@laptop", "at": "2026-11-26T12:00:00Z"});
        let split = json!({
            "metadata": {
                "name": "web", "namespace": "shop",
                "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
                "annotations": {"failover.linkerd.io/last-return": last.to_string()},
            },
            "spec": {"service": "web", "backends": [
                {"service": "web", "weight": 1}, {"service": "web-west", "weight": 0},
            ]},
        });
        let raw = serde_json::value::to_raw_value(&split).unwrap();
        let events = TrafficSplit.read(&raw).unwrap().events();
        let [HistoryRow { event, sources, .. }] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(event.kind, EventKind::Returned);
        assert_eq!(event.at.to_string(), "2026-11-26T12:00:00Z");
        assert_eq!(
            (event.by.as_str(), event.why.as_str()),
            ("bob@laptop", "ended evacuation CHG-4")
        );
        assert_eq!(*sources, [EventSource::Order]);
    }
}
