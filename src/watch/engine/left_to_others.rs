//! Leaves the groups alone that another `watch` with a selector runs.

use std::collections::HashSet;
use std::time::Duration;

use super::core::Engine;
use super::group_state::MoveCause;
use crate::cluster::api::lease::{Lease, LeaseScope};
use crate::cluster::listwatch::watch_event::Event;
use crate::model::{GroupId, Notice};
use crate::resource::Record;

/// How long decisions may wait for the first list of these Leases.
const FIRST_LIST_LIMIT: Duration = Duration::from_secs(10);

/// What to do with a group of another `watch`.
pub struct LeftToOther {
    /// When its Lease expires unless it is renewed.
    pub until: Duration,
    pub why: String,
    /// The report, if it is new.
    pub notice: Option<Notice>,
}

impl Engine {
    /// Handles an event of the watch of Leases with a selector. Its own are left out: `own` is the
    /// holder of those.
    pub fn other_leases_event(&mut self, event: Event<Lease>, own: &str, now: Duration) {
        let is_own = |lease: &Lease| lease.spec.holder_identity.as_deref() == Some(own);
        let mut namespaces = HashSet::new();
        match event {
            Event::Listed(leases) => {
                namespaces.extend(self.others.namespaces.keys().cloned());
                let mut before = std::mem::take(&mut self.others.namespaces);
                for lease in leases.into_iter().filter(|lease| !is_own(lease)) {
                    let meta = &lease.metadata;
                    namespaces.insert(meta.namespace.clone());
                    // What is known of it, such as when it expires, is kept.
                    let known = before.get_mut(&meta.namespace);
                    if let Some(known) = known.and_then(|known| known.remove(&meta.name)) {
                        let leases = self.others.namespaces.entry(meta.namespace.clone());
                        leases.or_default().insert(meta.name.clone(), known);
                    }
                    self.others.learn(lease, now);
                }
            }
            Event::Applied(lease) => {
                let namespace = lease.metadata.namespace.clone();
                let was_held = self.is_held_by_other(&lease);
                if is_own(&lease) {
                    self.others.forget(&lease);
                } else {
                    self.others.learn(lease.clone(), now);
                }
                // A renewal changes nothing.
                if was_held != self.is_held_by_other(&lease) {
                    namespaces.insert(namespace);
                }
            }
            Event::Deleted(lease) => {
                self.others.forget(&lease);
                namespaces.insert(lease.metadata.namespace);
            }
            Event::Alive | Event::SlowList => return,
            Event::Failed(_) => {}
        }
        self.others_are_known(now);
        let affected = |id: &&GroupId| namespaces.contains(&id.namespace);
        for id in self
            .groups
            .keys()
            .filter(affected)
            .cloned()
            .collect::<Vec<_>>()
        {
            self.mark_dirty(&id, MoveCause::Timer, now);
        }
    }

    /// Returns the holder and the scope of a Lease as it is known.
    fn is_held_by_other(&self, lease: &Lease) -> Option<(String, LeaseScope)> {
        let leases = self.others.namespaces.get(&lease.metadata.namespace)?;
        let known = leases.get(&lease.metadata.name)?;
        Some((known.holder.clone(), known.scope.clone()))
    }

    fn others_are_known(&mut self, now: Duration) {
        if !std::mem::replace(&mut self.others.is_known, true) {
            self.mark_all_dirty(now);
        }
    }

    /// Stops to wait for the first list of the Leases, after a time.
    pub(super) fn stop_waiting_for_other_leases(&mut self, now: Duration) {
        if !self.others.is_known && now >= self.others.since + FIRST_LIST_LIMIT {
            self.others_are_known(now);
        }
    }

    /// Returns why a group is left to another `watch`, if it is.
    pub(super) fn left_to_other(
        &mut self,
        id: &GroupId,
        record: &Record,
        now: Duration,
    ) -> Option<LeftToOther> {
        self.others.take_back(id);
        let own = LeaseScope::new(self.options.selector.clone());
        let (name, other) = self.others.runner_of(record, &own, now)?;
        let (name, holder) = (name.clone(), other.holder.clone());
        let selector = other.scope.selector.to_string();
        let is_new = !std::mem::replace(&mut other.is_reported, true);
        let left = LeftToOther {
            until: other.expires,
            why: format!("{holder} runs it, with the selector {selector}"),
            notice: is_new.then(|| Notice::LeftToSelector {
                namespace: id.namespace.clone(),
                holder,
                selector,
            }),
        };
        self.others.left.insert(id.clone(), name);
        Some(left)
    }
}
