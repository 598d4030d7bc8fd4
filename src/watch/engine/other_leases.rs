//! The Leases of other watches with a selector. A live one speaks for the groups that it selects:
//! this `watch` leaves them alone until it expires or is released (leader election by scope).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::cluster::api::lease::{Lease, LeaseScope, LeaseSpec};
use crate::model::GroupId;
use crate::resource::Record;

/// The number of these Leases in a namespace that count. More of them slow nothing down.
const MAX_OTHER_LEASES: usize = 100;

#[derive(Debug, Default)]
pub struct OtherLeases {
    /// They are listed, or cannot be.
    pub is_known: bool,
    /// When the first list was requested.
    pub(super) since: Duration,
    pub(super) namespaces: HashMap<String, BTreeMap<String, OtherLease>>,
    /// The groups that are left to their holders, each with the name of the Lease.
    pub(super) left: HashMap<GroupId, String>,
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
    pub(super) is_reported: bool,
}

impl OtherLeases {
    /// Returns that nothing is known yet, at `now`.
    pub fn unlisted(now: Duration) -> Self {
        Self {
            since: now,
            ..Self::default()
        }
    }

    pub(super) fn learn(&mut self, lease: Lease, now: Duration) {
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
        let duration = spec.duration();
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

    pub(super) fn forget(&mut self, lease: &Lease) {
        if let Some(leases) = self.namespaces.get_mut(&lease.metadata.namespace) {
            leases.remove(&lease.metadata.name);
        }
    }

    /// Returns the live Lease of another `watch` that runs this group, with its name. The one that
    /// is more specific runs it: one with a selector, and of two the first by name.
    pub(super) fn runner_of(
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
