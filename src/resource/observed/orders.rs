//! Overrides, evacuations and pauses that were made or ended.

use jiff::Timestamp;

use super::{ObservedChange, weights};
use crate::model::{AvoidEntry, EventKind, GroupEvent, LastMove, Override, Pause};
use crate::resource::annotations::{AVOID, OVERRIDE, PAUSED, PRIMARY_SERVICE};
use crate::resource::orders;
use crate::resource::provenance::FIELD_MANAGER;
use crate::resource::record::Record;

impl ObservedChange<'_> {
    /// The override was made, replaced or ended.
    pub(super) fn order(&self) -> Option<GroupEvent> {
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
        let mut why = order.in_words() + &expiry(order.until);
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
    pub(super) fn avoid(&self) -> Vec<GroupEvent> {
        if self.annotation(AVOID).is_none() {
            return Vec::new();
        }
        let entries = |record: &Record| orders::avoid(&record.meta).entries;
        let (before, after) = (entries(self.before), entries(self.after));
        let note = self.new_note();
        let added = after.iter().filter(|entry| !before.contains(entry));
        let added = added.map(|entry| {
            let why = entry.in_words() + &expiry(entry.until);
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

    /// The group was paused, or a pause ended.
    pub(super) fn pause(&self) -> Option<GroupEvent> {
        let (before, after) = self.annotation(PAUSED)?;
        let parsed = |text: &str| serde_json::from_str::<Pause>(text).unwrap_or_default();
        let because = |pause: &Pause| match &pause.reason {
            Some(reason) => format!(": {reason}"),
            None => String::new(),
        };
        if let Some(pause) = after.map(parsed) {
            let why = format!("paused{}{}", because(&pause), expiry(pause.until));
            return Some(self.event(EventKind::Paused, pause.at, pause.by, why));
        }
        let old = before.map(parsed)?;
        let whose = format!("{}'s pause", named(&old.by));
        let (kind, why) = match old.is_over(self.seen) {
            true => (EventKind::Expired, format!("{whose} expired")),
            false => (
                EventKind::Resumed,
                format!("ended {whose}{}", because(&old)),
            ),
        };
        Some(self.event(kind, None, self.who(), why))
    }
}

/// Says when an order expires, after it; empty if it never does.
fn expiry(until: Option<Timestamp>) -> String {
    until.map_or_else(String::new, |until| format!(" (until {until:.0})"))
}

fn named(by: &str) -> &str {
    if by.is_empty() { "somebody" } else { by }
}
