//! Revalidation: before a move that no slice caused, a fresh list checks the watches that have been
//! silent. Before a move that a slice caused, the same applies to the backends that get traffic.

use std::collections::BTreeSet;
use std::time::Duration;

use super::core::Engine;
use super::effect::Moment;
use super::group_state::{GroupState, MoveCause};
use super::reconcile::{Observation, backends, only_scales_down};
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::{RequestError, RequestResult};
use crate::model::{Backend, Decision, GroupId, Readiness, Weights};
use crate::readiness::scope::{Affected, RelistRequest};
use crate::resource::Record;

/// How long a move waits for optional lists of other clusters.
pub const REMOTE_GRACE: Duration = Duration::from_secs(1);

impl Engine {
    /// Returns the decision that may be acted on now. None: a list that it needs is in flight.
    pub(super) fn confirmed(
        &mut self,
        group: &GroupState,
        cause: MoveCause,
        decision: Decision,
        observed: Observation<'_>,
    ) -> Option<Decision> {
        let Observation {
            id,
            readiness,
            moment,
        } = observed;
        let Weights::Set(weights) = &decision.weights else {
            return Some(decision);
        };
        if only_scales_down(group.record(), weights) {
            return Some(decision);
        }
        // A changed slice is fresh by itself, but not what is known of the other backends.
        let backends = backends(group.record())
            .map(|it| &it.service)
            .zip(readiness)
            .zip(gains_traffic(group.record(), weights))
            .filter(|(_, gains)| cause != MoveCause::Readiness || *gains)
            .map(|(backend, _)| backend);
        let stale = self.cache.stale(backends, moment.now);
        if stale.is_empty() {
            return Some(decision);
        }
        let clusters: BTreeSet<Option<String>> =
            stale.iter().map(|place| place.cluster.clone()).collect();
        stale.into_iter().for_each(|place| self.relists.add(place));
        if clusters.contains(&None) {
            return None;
        }
        let without = self.decide_without_stale(group, moment)?;
        if without.weights == decision.weights {
            return Some(decision);
        }
        let started = clusters
            .iter()
            .filter_map(|cluster| self.relists.since(cluster.as_ref()));
        let until = started.min().unwrap_or(moment.now) + REMOTE_GRACE;
        if moment.now < until {
            self.requeue.set(id, until);
            return None;
        }
        Some(without)
    }

    /// Returns the decision with silent remote clusters taken as unknown, if it moves traffic to a
    /// ready backend.
    fn decide_without_stale(&self, group: &GroupState, moment: Moment) -> Option<Decision> {
        let fresh = |it: &Backend| self.cache.lookup_fresh(&it.service, &it.ports, moment.now);
        let fresh: Vec<Readiness> = backends(group.record()).map(fresh).collect();
        let decision = group.decide_for(&fresh, moment)?;
        let Weights::Set(weights) = &decision.weights else {
            return None;
        };
        let mut backends = weights.iter().zip(&fresh);
        let is_served = backends.any(|(&weight, readiness)| weight > 0 && readiness.is_ready());
        is_served.then_some(decision)
    }

    /// Handles the result of a list of EndpointSlices.
    pub fn relisted(
        &mut self,
        place: &RelistRequest,
        result: RequestResult<Vec<Slice>>,
        now: Duration,
    ) {
        let Some(started) = self.relists.end(place) else {
            return;
        };
        match result {
            Ok(slices) => {
                let changed = self.cache.relisted(place, &slices, started, now);
                self.mark_affected_dirty(&changed, MoveCause::Readiness, now);
                self.mark_place_dirty(place, now);
            }
            Err(error) if place.cluster.is_none() => self.back_off_revalidation(place, &error, now),
            Err(error) => self.doubt(place, &error, now),
        }
    }

    /// Backs off: without a fresh list of the local cluster, nothing moves.
    fn back_off_revalidation(
        &mut self,
        place: &RelistRequest,
        error: &RequestError,
        now: Duration,
    ) {
        for id in self.groups_of_place(place) {
            if self
                .groups
                .get(&id)
                .is_some_and(|group| group.is_revalidating())
            {
                let next = "no failover without a fresh list of its EndpointSlices; retrying";
                self.report_failure(&id, error.to_string(), next);
                self.back_off(&id, error.retry_after(), now);
            }
        }
    }

    /// Marks backends of another cluster unknown if they cannot be listed, so that they do not
    /// delay a move. If the cluster does not respond at all, its other lists are not started.
    fn doubt(&mut self, place: &RelistRequest, error: &RequestError, now: Duration) {
        for affected in self.cache.relist_failed(place, error, now) {
            self.mark_affected_dirty(&affected, MoveCause::Timer, now);
        }
        self.mark_place_dirty(place, now);
        if error.code().is_none() {
            for place in self.relists.give_up(place.cluster.as_ref()) {
                self.mark_place_dirty(&place, now);
            }
        }
    }

    fn mark_place_dirty(&mut self, place: &RelistRequest, now: Duration) {
        for id in self.groups_of_place(place) {
            self.mark_dirty(&id, MoveCause::Timer, now);
        }
    }

    fn groups_of_place(&self, place: &RelistRequest) -> BTreeSet<GroupId> {
        let services = Affected::Services(place.services().collect());
        match self
            .cache
            .affected_backends(place.cluster.as_deref(), services)
        {
            Affected::Services(services) => {
                let groups = services
                    .iter()
                    .flat_map(|service| self.index.groups_of(service));
                groups.cloned().collect()
            }
            Affected::Nothing | Affected::Scope(_) => BTreeSet::new(),
        }
    }
}

/// Returns for each backend whether these weights bring traffic to it.
fn gains_traffic(record: &Record, after: &[u64]) -> Vec<bool> {
    let backends = record.group.iter().flat_map(|group| &group.backends);
    backends
        .zip(after)
        .map(|(backend, &after)| backend.weight == 0 && after > 0)
        .collect()
}
