//! Settings and backends that were changed.

use super::ObservedChange;
use crate::model::{EventKind, Group, GroupEvent};
use crate::resource::annotations::{OVERRIDE, POLICY_KEYS, PRIMARY_SERVICE};
use crate::resource::provenance::FIELD_MANAGER;

impl ObservedChange<'_> {
    /// Settings were changed. An override changes the primary, too.
    pub(super) fn settings(&self) -> Option<GroupEvent> {
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
}
