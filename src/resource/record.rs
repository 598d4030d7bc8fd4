use super::annotations::{CONTROLLED_BY, LAST_MOVE};
use super::kind::Kind;
use super::meta::Meta;
use crate::model::{Group, GroupId, Invalid, LastMove};

/// An object as it was last seen, and the group that it carries.
#[derive(Clone)]
pub struct Record {
    pub kind: &'static dyn Kind,
    pub meta: Meta,
    /// The service that clients call; empty where the object names none.
    pub apex: String,
    pub group: Result<Group, Invalid>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("id", &self.id()).field("group", &self.group).finish_non_exhaustive()
    }
}

impl Record {
    pub fn id(&self) -> GroupId {
        let Meta { namespace, name, .. } = &self.meta;
        GroupId { namespace: namespace.clone(), kind: self.kind.info().singular, name: name.clone() }
    }

    /// Whether the object has the label that makes it a group.
    pub fn is_controlled(&self) -> bool {
        self.meta.labels.contains_key(CONTROLLED_BY)
    }
}

impl Meta {
    /// The last move, where the annotation can be read.
    pub fn last_move(&self) -> Option<LastMove> {
        serde_json::from_str(self.annotations.get(LAST_MOVE)?).ok()
    }
}
