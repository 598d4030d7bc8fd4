//! The events that lie between two versions of a group's object: what somebody ordered, set or
//! edited, and who did it, as far as the object tells.

mod orders;
mod settings;

use jiff::Timestamp;

use super::annotations::LAST_MOVE;
use super::meta::Meta;
use super::record::Record;
use super::writer::Versions;
use crate::model::moves::same_weights;
use crate::model::{EventKind, GroupEvent, LastMove};

/// Returns what happened between two versions of a group's object. `seen`: the API server's time at
/// which the later one was seen.
pub fn events_between(before: &Record, after: &Record, seen: Timestamp) -> Vec<GroupEvent> {
    let change = ObservedChange {
        before,
        after,
        seen,
    };
    let mut events: Vec<GroupEvent> = change.order().into_iter().collect();
    events.extend(change.avoid());
    events.extend(change.settings());
    change.traffic(&mut events);
    events.extend(change.pause());
    events
}

struct ObservedChange<'a> {
    before: &'a Record,
    after: &'a Record,
    seen: Timestamp,
}

impl ObservedChange<'_> {
    /// Traffic moved: either by one of the events so far, or by another one.
    fn traffic(&self, events: &mut Vec<GroupEvent>) {
        let (Some(from), Some(to)) = (weights(self.before), weights(self.after)) else {
            return;
        };
        let names = |record: &Record| -> Vec<String> {
            let group = record.group.iter().flat_map(|group| &group.backends);
            group.map(|backend| backend.name.clone()).collect()
        };
        if same_weights(&from, &to) || names(self.before) != names(self.after) {
            return;
        }
        let note = self.new_note();
        if let Some(event) = events.first_mut()
            && (note.is_some() || event.kind == EventKind::Edited)
        {
            event.unverified = note.is_some_and(|note| note.unverified);
            (event.from, event.to) = (Some(from), Some(to));
            return;
        }
        let event = match note {
            Some(note) => {
                let kind = EventKind::of_note(&note);
                let event = self.event(kind, Some(note.at), note.by, note.why);
                GroupEvent {
                    unverified: note.unverified,
                    ..event
                }
            }
            None => {
                let why = "weights changed outside this tool".to_owned();
                self.event(EventKind::Edited, None, self.editor(), why)
            }
        };
        events.push(GroupEvent {
            from: Some(from),
            to: Some(to),
            ..event
        });
    }

    /// Returns the values of an annotation, if they differ.
    fn annotation(&self, key: &str) -> Option<(Option<&str>, Option<&str>)> {
        let value = |meta: &'_ Meta| meta.annotations.get(key).map(str::to_owned);
        if value(&self.before.meta) == value(&self.after.meta) {
            return None;
        }
        Some((
            self.before.meta.annotations.get(key),
            self.after.meta.annotations.get(key),
        ))
    }

    /// Returns the note of a move, if it is new and the weights fit it.
    fn new_note(&self) -> Option<LastMove> {
        self.annotation(LAST_MOVE)?;
        let note = self.after.meta.last_move()?;
        // Other backends change only the names in it.
        let known = self.before.meta.last_move();
        if known.is_some_and(|known| known.at == note.at && known.why == note.why) {
            return None;
        }
        let weights = weights(self.after)?;
        same_weights(&note.to, &weights).then_some(note)
    }

    fn versions(&self) -> Versions<'_> {
        Versions {
            before: &self.before.meta,
            after: &self.after.meta,
        }
    }

    fn who(&self) -> String {
        self.versions().writer().unwrap_or_default().to_owned()
    }

    /// Who changed the weights.
    fn editor(&self) -> String {
        let editor = self.versions().backends_editor();
        editor.map_or_else(|| self.who(), str::to_owned)
    }

    fn event(&self, kind: EventKind, at: Option<Timestamp>, by: String, why: String) -> GroupEvent {
        self.after.event(kind, at.unwrap_or(self.seen), by, why)
    }
}

fn weights(record: &Record) -> Option<String> {
    let group = record.group.as_ref().ok()?;
    Some(group.write_weights(&group.weights()))
}
