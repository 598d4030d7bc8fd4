//! The Leases of other watches with a selector. A live one speaks for the groups that it selects:
//! this `watch` leaves them alone until it expires or is released.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::core::Engine;
use super::group_state::MoveCause;
use crate::cluster::api::lease::{Lease, LeaseScope, LeaseSpec};
use crate::cluster::listwatch::watch_event::Event;
use crate::model::limits::LEASE_SECONDS;
use crate::model::{GroupId, Notice};
use crate::resource::Record;

/// How long decisions may wait for the first list of these Leases.
const FIRST_LIST_LIMIT: Duration = Duration::from_secs(10);

/// The number of these Leases in a namespace that count. More of them slow nothing down.
const MAX_OTHER_LEASES: usize = 100;

#[derive(Debug, Default)]
pub struct OtherLeases {
    /// They are listed, or cannot be.
    pub is_known: bool,
    /// When the first list was requested.
    since: Duration,
    namespaces: HashMap<String, BTreeMap<String, OtherLease>>,
    /// The groups that are left to their holders, each with the name of the Lease.
    left: HashMap<GroupId, String>,
}

/// The Lease of another `watch`.
#[derive(Debug)]
pub struct OtherLease {
    pub holder: String,
    pub scope: LeaseScope,
    spec: LeaseSpec,
    /// It expires then unless it changes, by the local clock.
    pub expires: Duration,
    /// Its holder has renewed it since it was first seen.
    is_renewing: bool,
    /// That groups are left to its holder was reported.
    is_reported: bool,
}

impl OtherLeases {
    /// Returns that nothing is known yet, at `now`.
    pub fn unlisted(now: Duration) -> Self {
        Self {
            since: now,
            ..Self::default()
        }
    }

    fn learn(&mut self, lease: Lease, now: Duration) {
        let (meta, spec) = (lease.metadata.clone(), lease.spec.clone());
        let leases = self.namespaces.entry(meta.namespace).or_default();
        let before = leases.remove(&meta.name);
        if leases.len() >= MAX_OTHER_LEASES {
            return;
        }
        let holder = spec.holder_identity.clone().unwrap_or_default();
        let scope = lease.scope().filter(|scope| !scope.selector.is_empty());
        let (false, Some(scope)) = (holder.is_empty(), scope) else {
            return;
        };
        let before = before.filter(|before| before.holder == holder);
        let is_same = before.as_ref().is_some_and(|before| before.spec == spec);
        let seconds = spec.lease_duration_seconds.unwrap_or(LEASE_SECONDS).max(1);
        let duration = Duration::from_secs(u64::from(seconds.unsigned_abs()));
        let other = match before {
            Some(before) if is_same => OtherLease { scope, ..before },
            before => OtherLease {
                holder,
                scope,
                spec,
                expires: now + duration,
                is_renewing: before.is_some(),
                is_reported: before.is_some_and(|before| before.is_reported),
            },
        };
        leases.insert(meta.name, other);
    }

    fn forget(&mut self, lease: &Lease) {
        if let Some(leases) = self.namespaces.get_mut(&lease.metadata.namespace) {
            leases.remove(&lease.metadata.name);
        }
    }

    /// Returns the live Lease of another `watch` that runs this group, with its name. The one that
    /// is more specific runs it: one with a selector, and of two the first by name.
    fn runner_of(
        &mut self,
        record: &Record,
        own: &LeaseScope,
        now: Duration,
    ) -> Option<(&String, &mut OtherLease)> {
        let own = (!own.selector.is_empty()).then(|| own.lease_name());
        let leases = self.namespaces.get_mut(&record.meta.namespace)?;
        leases.iter_mut().find(|(name, lease)| {
            let precedes = own.as_ref().is_none_or(|own| *name < own);
            precedes && now < lease.expires && lease.scope.covers(record)
        })
    }

    fn lease_of(&self, id: &GroupId, name: &str) -> Option<&OtherLease> {
        self.namespaces.get(&id.namespace)?.get(name)
    }

    /// Returns a group that is left to a holder that certainly still renews its Lease, and that
    /// holder.
    pub fn left_to(&self) -> Option<(&GroupId, &str)> {
        self.left.iter().find_map(|(id, name)| {
            let lease = self.lease_of(id, name)?;
            lease.is_renewing.then_some((id, lease.holder.as_str()))
        })
    }

    /// Returns whether every holder that groups are left to certainly still renews its Lease.
    pub fn are_settled(&self) -> bool {
        let is_renewing = |(id, name): (&GroupId, &String)| {
            self.lease_of(id, name)
                .is_some_and(|lease| lease.is_renewing)
        };
        self.is_known && self.left.iter().all(is_renewing)
    }

    pub fn take_back(&mut self, id: &GroupId) {
        self.left.remove(id);
    }
}

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
            Event::Alive => return,
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
