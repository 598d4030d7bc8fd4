//! Asks which kinds of groups the user may patch: at the start, after a write was forbidden, and
//! from time to time while one may not be. Only groups that can be moved need a Lease.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::event_loop::{Driver, DriverInput};
use super::rights_review::denied_kinds;
use crate::resource::KINDS;

/// How often to ask again for a right that is missing.
const REVIEW_INTERVAL: Duration = Duration::from_secs(60);

impl Driver<'_> {
    /// Acquires the Lease of a namespace, once the rights there are known.
    pub(super) fn acquire_lease_if_allowed(&mut self, namespace: String) {
        if self.rights.limited.is_empty() {
            return self.acquire_lease(namespace, &BTreeSet::new());
        }
        self.rights.waiting.insert(namespace.clone());
        self.review_rights(namespace);
    }

    pub(super) fn lease_is_not_needed(&mut self, namespace: &str) {
        self.rights.waiting.remove(namespace);
    }

    pub(super) fn review_rights(&mut self, namespace: String) {
        if !self.rights.in_flight.insert(namespace.clone()) {
            return;
        }
        let (cluster, inputs) = (self.cluster.local.clone(), self.inputs.clone());
        let requests = Arc::clone(&self.lease_requests);
        // The time limits of its requests bound it, and it ends with the watches.
        self.watches.spawn(async move {
            let _permit = requests.acquire().await;
            let denied = denied_kinds(&cluster, Some(&namespace)).await;
            let _ = inputs.send(DriverInput::Rights(namespace, denied)).await;
        });
    }

    pub(super) fn rights_reviewed(
        &mut self,
        namespace: String,
        denied: BTreeSet<&'static str>,
        now: Duration,
    ) {
        self.rights.in_flight.remove(&namespace);
        self.engine.rights_reviewed(&namespace, denied.clone(), now);
        self.rights.limited.extend(&denied);
        if let Some(scope) = self.lease_scopes.get(&namespace) {
            scope.lock().except_kinds = self.except_kinds(&denied);
        }
        let is_waiting = self.rights.waiting.remove(&namespace);
        let is_needed =
            !self.electors.contains_key(&namespace) && self.engine.needs_lease(&namespace);
        if is_waiting && is_needed {
            self.acquire_lease(namespace, &denied);
        }
    }

    /// Returns the CustomResourceDefinitions of the kinds that are not run: those that may not be
    /// patched, and those that may not be listed.
    pub(super) fn except_kinds(&self, denied: &BTreeSet<&'static str>) -> BTreeSet<String> {
        let infos = KINDS.iter().map(|kind| kind.info());
        let denied = infos.filter(|info| denied.contains(info.name));
        let unlisted = self.kinds.forbidden().map(|(kind, _)| kind.info());
        denied
            .chain(unlisted)
            .map(|info| info.crd.to_owned())
            .collect()
    }

    /// Adds the kinds that may not be listed to what the Leases leave out.
    pub(super) fn kinds_are_known(&self) {
        let unlisted = self.except_kinds(&BTreeSet::new());
        for scope in self.lease_scopes.values() {
            scope.lock().except_kinds.extend(unlisted.iter().cloned());
        }
    }

    /// Asks again for rights that are missing, if that is due.
    pub(super) fn review_limited_rights(&mut self, now: Duration) {
        if now >= self.rights.asked + REVIEW_INTERVAL {
            self.rights.asked = now;
            for namespace in self.engine.limited_namespaces() {
                self.review_rights(namespace);
            }
        }
    }
}
