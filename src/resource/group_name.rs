use std::fmt;

use super::kind::KINDS;
use super::record::Record;

/// Groups as a user names them: `NAME`, `KIND/NAME` or the apex's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupName {
    /// As it was typed, such as `ts`; none: any kind.
    pub kind: Option<String>,
    pub name: String,
}

impl GroupName {
    /// Whether a group of this kind, as [`KindInfo::name`](super::KindInfo::name) has it, can be meant.
    pub fn allows(&self, kind: &str) -> bool {
        let typed = |typed: &String| {
            KINDS.iter().map(|kind| kind.info()).any(|info| info.name == kind && info.is_called(typed))
        };
        self.kind.as_ref().is_none_or(typed)
    }

    /// The groups that are meant: by the object's name, else by the apex.
    pub fn pick<'a>(&self, all: impl IntoIterator<Item = &'a Record>) -> Vec<&'a Record> {
        let is_of_kind = |record: &&Record| self.allows(record.kind.info().name);
        let of_kind: Vec<&Record> = all.into_iter().filter(is_of_kind).collect();
        let by = |is_meant: fn(&Record, &str) -> bool| -> Vec<&Record> {
            of_kind.iter().copied().filter(|record| is_meant(record, &self.name)).collect()
        };
        let by_name = by(|record, name| record.meta.name == name);
        if by_name.is_empty() { by(|record, name| record.apex == name) } else { by_name }
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
