//! The kinds of groups that the user is not allowed to patch, by namespace. Their groups are not
//! run: a namespace without other groups needs no Lease, so that another `watch` can hold it.

use std::collections::{BTreeSet, HashMap};

use crate::model::GroupId;

#[derive(Debug, Default)]
pub struct WriteRights {
    pub(super) denied: HashMap<String, BTreeSet<&'static str>>,
    pub(super) reported: BTreeSet<&'static str>,
}

impl WriteRights {
    /// Returns whether the groups of this kind cannot be moved.
    pub fn are_denied(&self, id: &GroupId) -> bool {
        let denied = self.denied.get(&id.namespace);
        denied.is_some_and(|kinds| kinds.contains(id.kind))
    }

    /// Returns the namespaces in which a kind cannot be moved.
    pub fn limited_namespaces(&self) -> Vec<String> {
        self.denied.keys().cloned().collect()
    }
}
