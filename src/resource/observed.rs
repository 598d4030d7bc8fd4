//! The events that lie between two versions of a group's object: what somebody ordered, set or
//! edited, and who did it, as far as the object tells.

use jiff::Timestamp;

use super::annotations::{AVOID, LAST_MOVE, OVERRIDE, PAUSED, POLICY_KEYS, PRIMARY_SERVICE};
use super::meta::Meta;
use super::orders;
use super::provenance::FIELD_MANAGER;
use super::record::Record;
use super::writer::Versions;
use crate::model::moves::same_weights;
use crate::model::{AvoidEntry, EventKind, Group, GroupEvent, LastMove, Override, Pause};

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
    /// The override was made, replaced or ended.
    fn order(&self) -> Option<GroupEvent> {
        let (before, after) = self.annotation(OVERRIDE)?;
        let parsed = |text: Option<&str>| serde_json::from_str::<Override>(text?).ok();
        let (old, new) = (parsed(before), parsed(after));
        let note = self.new_note();
        let in_force = old.as_ref().filter(|order| {
            let is_over = order.until.is_some_and(|until| until <= self.seen);
            !is_over && self.before.meta.annotations.get(PRIMARY_SERVICE) == Some(&order.to)
        });
        let Some(order) = new else {
            return Some(self.ended(old.as_ref()?, after.is_some(), note));
        };
        let mut why = order.in_words();
        if let Some(until) = order.until {
            why += &format!(" (until {until:.0})");
        }
        let kind = match in_force {
            Some(old) => {
                let purpose = old.purpose();
                why += &format!(
                    "; replaces {}'s force to {}{purpose}",
                    named(&old.by),
                    old.to
                );
                EventKind::Replaced
            }
            None => EventKind::Forced,
        };
        let at = order.at.or(note.map(|note| note.at));
        let event = self.event(kind, at, order.by, why);
        let weights = weights(self.after);
        Some(GroupEvent {
            from: weights.clone(),
            to: weights,
            ..event
        })
    }

    /// The override is gone, or cannot be parsed any more.
    fn ended(&self, old: &Override, is_there: bool, note: Option<LastMove>) -> GroupEvent {
        let by = note.as_ref().map(|note| note.by.clone());
        let at = note.as_ref().map(|note| note.at);
        let is_over = old.until.is_some_and(|until| until <= self.seen);
        let whose = format!("{}'s force to {}", named(&old.by), old.to);
        let (kind, why) = match self.versions().writer() {
            Some(manager) if manager != FIELD_MANAGER && by.is_none() => (
                EventKind::Edited,
                format!("{whose} was removed from the object"),
            ),
            _ if is_there => (EventKind::Edited, format!("{whose} was overwritten")),
            _ if is_over => (EventKind::Expired, format!("{whose} expired")),
            _ => (EventKind::Failback, format!("ended {whose}")),
        };
        let why = match note {
            Some(note) if !note.why.is_empty() => format!("{why}: {}", note.why),
            _ => why,
        };
        self.event(kind, at, by.unwrap_or_else(|| self.who()), why)
    }

    /// Entries of `avoid` were added, replaced or ended.
    fn avoid(&self) -> Vec<GroupEvent> {
        if self.annotation(AVOID).is_none() {
            return Vec::new();
        }
        let entries = |record: &Record| orders::avoid(&record.meta).entries;
        let (before, after) = (entries(self.before), entries(self.after));
        let note = self.new_note();
        let added = after.iter().filter(|entry| !before.contains(entry));
        let added = added.map(|entry| {
            let mut why = entry.in_words();
            if let Some(until) = entry.until {
                why += &format!(" (until {until:.0})");
            }
            self.event(EventKind::Evacuated, entry.at, entry.by.clone(), why)
        });
        let is_replaced = |old: &AvoidEntry| after.iter().any(|entry| entry.id == old.id);
        let ended = before.iter().filter(|entry| !is_replaced(entry));
        let is_own = self.versions().writer() == Some(FIELD_MANAGER);
        let ended = ended.map(|entry| {
            let whose = format!("{}'s {}", named(&entry.by), entry.as_noun());
            let (kind, why) = match () {
                () if entry.is_over(self.seen) => (EventKind::Expired, format!("{whose} expired")),
                () if is_own => (EventKind::Returned, format!("ended {whose}")),
                () => (
                    EventKind::Edited,
                    format!("{whose} was removed from the object"),
                ),
            };
            let at = note.as_ref().map(|note| note.at);
            let by = note.as_ref().map(|note| note.by.clone());
            self.event(kind, at, by.unwrap_or_else(|| self.who()), why)
        });
        added.chain(ended).collect()
    }

    fn pause(&self) -> Option<GroupEvent> {
        let (before, after) = self.annotation(PAUSED)?;
        let parsed = |text: &str| serde_json::from_str::<Pause>(text).unwrap_or_default();
        let because = |pause: &Pause| match &pause.reason {
            Some(reason) => format!(": {reason}"),
            None => String::new(),
        };
        if let Some(pause) = after.map(parsed) {
            let mut why = format!("paused{}", because(&pause));
            if let Some(until) = pause.until {
                why += &format!(" (until {until:.0})");
            }
            return Some(self.event(EventKind::Paused, pause.at, pause.by, why));
        }
        let old = before.map(parsed)?;
        let whose = format!("{}'s pause", named(&old.by));
        let event = if old.is_over(self.seen) {
            self.event(
                EventKind::Expired,
                None,
                self.who(),
                format!("{whose} expired"),
            )
        } else {
            self.event(
                EventKind::Resumed,
                None,
                self.who(),
                format!("ended {whose}{}", because(&old)),
            )
        };
        Some(event)
    }

    /// Settings were changed. An override changes the primary, too.
    fn settings(&self) -> Option<GroupEvent> {
        let is_order = self.annotation(OVERRIDE).is_some();
        let primary = (!is_order).then_some(PRIMARY_SERVICE);
        let changed = POLICY_KEYS.iter().copied().chain(primary);
        let changed: Vec<String> = changed
            .filter_map(|key| {
                let (before, after) = self.annotation(key)?;
                let value = |value: Option<&str>| value.unwrap_or("(default)").to_owned();
                Some(format!("{key} {} -> {}", value(before), value(after)))
            })
            .collect();
        let changed: Vec<String> = changed.into_iter().chain(self.backends()).collect();
        if changed.is_empty() {
            return None;
        }
        let is_own = self
            .versions()
            .writer()
            .is_none_or(|manager| manager == FIELD_MANAGER);
        let kind = if is_own {
            EventKind::Set
        } else {
            EventKind::Edited
        };
        let note = self.new_note().filter(|_| is_own && !is_order);
        let at = note.as_ref().map(|note| note.at);
        let by = note.map_or_else(|| self.who(), |note| note.by);
        Some(self.event(kind, at, by, changed.join(", ")))
    }

    /// The backends that this tool added and removed.
    fn backends(&self) -> Vec<String> {
        let (Ok(before), Ok(after)) = (&self.before.group, &self.after.group) else {
            return Vec::new();
        };
        if self.versions().writer() != Some(FIELD_MANAGER) {
            return Vec::new();
        }
        let missing = |from: &Group, what: &'static str, all: &Group| -> Vec<String> {
            let names = all.backends.iter();
            names
                .filter(|backend| from.position(&backend.name).is_none())
                .map(|backend| format!("backend {} {what}", backend.name))
                .collect()
        };
        let mut changed = missing(before, "added", after);
        changed.extend(missing(after, "removed", before));
        changed
    }

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
        GroupEvent {
            kind,
            group: self.after.id(),
            apex: Some(self.after.apex.clone()),
            at: at.unwrap_or(self.seen),
            from: None,
            to: None,
            by,
            why,
            unverified: false,
            took: None,
        }
    }
}

fn weights(record: &Record) -> Option<String> {
    let group = record.group.as_ref().ok()?;
    Some(group.write_weights(&group.weights()))
}

fn named(by: &str) -> &str {
    if by.is_empty() { "somebody" } else { by }
}
