//! Leaves the groups alone that the user is not allowed to patch.

use std::collections::BTreeSet;
use std::time::Duration;

use super::core::Engine;
use super::group_state::MoveCause;
use crate::model::{GroupId, Notice};
use crate::resource::KINDS;

impl Engine {
    /// Handles a review of the rights in a namespace: the kinds that may not be patched.
    pub fn rights_reviewed(
        &mut self,
        namespace: &str,
        denied: BTreeSet<&'static str>,
        now: Duration,
    ) {
        let before = self.rights.denied.remove(namespace).unwrap_or_default();
        if !denied.is_empty() {
            let denied = denied.clone();
            self.rights.denied.insert(namespace.to_owned(), denied);
        }
        if before == denied {
            return;
        }
        self.replan = true;
        let here = |id: &&GroupId| id.namespace == namespace;
        let here: Vec<GroupId> = self.groups.keys().filter(here).cloned().collect();
        for kind in KINDS {
            let info = kind.info();
            let is_used = here.iter().any(|id| id.kind == info.name);
            if is_used && denied.contains(info.name) && self.rights.reported.insert(info.name) {
                self.report(Notice::CannotPatch {
                    namespace: namespace.to_owned(),
                    crd: info.crd,
                });
            }
        }
        for id in here {
            self.mark_dirty(&id, MoveCause::Timer, now);
        }
    }

    /// Returns the namespaces where a kind of group cannot be moved.
    pub fn limited_namespaces(&self) -> Vec<String> {
        self.rights.limited_namespaces()
    }

    /// Returns whether a Lease is needed: a namespace has a group that can be moved.
    pub fn needs_lease(&self, namespace: &str) -> bool {
        let can_be_moved = |id: &GroupId| id.namespace == namespace && !self.rights.are_denied(id);
        self.groups.keys().any(can_be_moved)
    }

    /// Returns whether there are groups, and none of them can be moved.
    pub fn can_move_nothing(&self) -> bool {
        !self.groups.is_empty() && self.groups.keys().all(|id| self.rights.are_denied(id))
    }
}
