//! How users name groups: `NAME`, `KIND/NAME` or the apex.

use std::fmt;

use super::kinds::{KINDS, kinds_called};
use super::record::Record;
use crate::model::GroupId;

/// A group as a user names it: `NAME`, `KIND/NAME` or the apex's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupName {
    /// The kind as it was typed, such as `ts`; none means any kind.
    pub kind: Option<String>,
    /// The name of the object or of the apex.
    pub name: String,
}

impl GroupName {
    /// Returns the name that identifies this group in its namespace.
    pub fn of(id: &GroupId) -> Self {
        let called = kinds_called(id.kind);
        let info = called
            .iter()
            .map(|kind| kind.info())
            .find(|info| info.name == id.kind);
        let full = info
            .filter(|_| called.len() > 1)
            .map(|info| info.full_name());
        Self {
            kind: Some(full.unwrap_or_else(|| id.kind.to_owned())),
            name: id.name.clone(),
        }
    }

    /// Whether the name can mean a group of this kind, given as
    /// [`KindInfo::name`](super::KindInfo::name).
    pub fn allows(&self, kind: &str) -> bool {
        let typed = |typed: &String| {
            KINDS
                .iter()
                .map(|kind| kind.info())
                .any(|info| info.name == kind && info.is_called(typed))
        };
        self.kind.as_ref().is_none_or(typed)
    }

    /// Returns the groups with this object name or, if there are none, with this apex.
    pub fn pick<'a>(&self, all: impl IntoIterator<Item = &'a Record>) -> Vec<&'a Record> {
        let is_of_kind = |record: &&Record| self.allows(record.kind.info().name);
        let of_kind: Vec<&Record> = all.into_iter().filter(is_of_kind).collect();
        let by = |is_meant: fn(&Record, &str) -> bool| -> Vec<&Record> {
            of_kind
                .iter()
                .copied()
                .filter(|record| is_meant(record, &self.name))
                .collect()
        };
        let by_name = by(|record, name| record.meta.name == name);
        if by_name.is_empty() {
            by(|record, name| record.apex == name)
        } else {
            by_name
        }
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Some(kind) => write!(f, "{kind}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_matches_one_kind() {
        for kind in KINDS.iter().map(|kind| kind.info()) {
            let id = GroupId {
                namespace: "ns".into(),
                kind: kind.name,
                name: "web".into(),
            };
            let name = GroupName::of(&id);
            let meant: Vec<&str> = KINDS
                .iter()
                .map(|kind| kind.info().name)
                .filter(|kind| name.allows(kind))
                .collect();
            assert_eq!(meant, [kind.name], "{name}");
        }
        let split = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        assert_eq!(GroupName::of(&split).to_string(), "trafficsplit/web");
    }
}
