//! The field manager that wrote the later of two versions of an object. It is a hint: the times of
//! `metadata.managedFields` are whole seconds, and a write also changes the entries that it takes
//! fields from.

use super::meta::{ManagedFields, Meta, OwnedFields};
use super::provenance::FIELD_MANAGER;

/// Two versions of an object.
#[derive(Clone, Copy)]
pub struct Versions<'a> {
    /// The earlier version.
    pub before: &'a Meta,
    /// The later version.
    pub after: &'a Meta,
}

impl<'a> Versions<'a> {
    /// Returns the field manager that wrote last.
    pub fn writer(self) -> Option<&'a str> {
        self.newest(|_| true)
    }

    /// Returns the field manager, other than this tool's, that wrote the backends last. If nobody
    /// owns them, returns the one that wrote anything last.
    pub fn backends_editor(self) -> Option<&'a str> {
        let is_foreign = |entry: &ManagedFields| entry.manager != FIELD_MANAGER;
        self.newest(|entry| is_foreign(entry) && entry.owned.backends)
            .or_else(|| self.newest(is_foreign))
    }

    /// Prefers the entries that another write made or added to. In the same second, this tool's entry
    /// counts as newer.
    fn newest(self, is_wanted: impl Fn(&ManagedFields) -> bool) -> Option<&'a str> {
        let entries = self.after.managed_fields.iter();
        let newest = entries
            .filter(|entry| is_wanted(entry))
            .max_by_key(|entry| {
                (
                    self.has_written(entry),
                    entry.time,
                    entry.manager == FIELD_MANAGER,
                )
            });
        newest.map(|entry| entry.manager.as_str())
    }

    /// Whether an entry shows a write between the versions. The entry of a manager whose fields
    /// someone else removed has less than before, and the same time.
    fn has_written(self, entry: &ManagedFields) -> bool {
        let had = |old: &OwnedFields| {
            let OwnedFields { backends, orders } = entry.owned;
            (old.backends || !backends) && (old.orders || !orders)
        };
        let is_rest_of = |old: &ManagedFields| {
            old.manager == entry.manager
                && old.subresource == entry.subresource
                && old.time == entry.time
                && had(&old.owned)
        };
        !self.before.managed_fields.iter().any(is_rest_of)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// An object, by its managers, the seconds of their last writes, and whether they own the backends.
    fn version(entries: &[(&str, i64, bool)]) -> Meta {
        let entry = |&(manager, second, backends): &(&str, i64, bool)| ManagedFields {
            manager: manager.to_owned(),
            time: Timestamp::from_second(second).ok(),
            subresource: String::new(),
            owned: OwnedFields {
                backends,
                orders: false,
            },
        };
        Meta {
            managed_fields: entries.iter().map(entry).collect(),
            ..Meta::default()
        }
    }

    #[test]
    fn an_editor_that_writes_twice_in_a_second_is_still_the_editor() {
        let version = version(&[
            (FIELD_MANAGER, 7, false),
            ("kubectl-edit", 7, true),
            ("unknown", 7, false),
        ]);
        let versions = Versions {
            before: &version,
            after: &version,
        };
        assert_eq!(versions.backends_editor(), Some("kubectl-edit"));
        assert_eq!(versions.writer(), Some(FIELD_MANAGER));
    }

    #[test]
    fn the_entry_that_changed_counts_and_not_the_one_that_lost_its_fields() {
        let before = version(&[("unknown", 7, true)]);
        let after = version(&[("kubectl-edit", 7, true), ("unknown", 7, false)]);
        let versions = Versions {
            before: &before,
            after: &after,
        };
        assert_eq!(versions.backends_editor(), Some("kubectl-edit"));
    }

    #[test]
    fn who_takes_the_fields_of_this_tool_away_is_the_writer() {
        let before = version(&[(FIELD_MANAGER, 7, true)]);
        let after = version(&[(FIELD_MANAGER, 7, false), ("kubectl-edit", 7, true)]);
        let versions = Versions {
            before: &before,
            after: &after,
        };
        assert_eq!(versions.writer(), Some("kubectl-edit"));
    }

    #[test]
    fn without_an_owner_of_the_backends_the_last_writer_is_the_editor() {
        let before = version(&[("old", 3, false)]);
        let after = version(&[("old", 3, false), ("new", 4, false)]);
        let versions = Versions {
            before: &before,
            after: &after,
        };
        assert_eq!(versions.backends_editor(), Some("new"));
        assert_eq!(versions.writer(), Some("new"));
    }
}
