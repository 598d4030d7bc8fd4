//! One list-and-watch of EndpointSlices in the cache, and whether it can be trusted.

use std::time::Duration;

use super::health::{WatchHealth, why_unknown};
use super::scope::{SliceScope, SliceWatchId};
use super::service_store::ServiceStore;
use crate::cluster::RequestError;
use crate::cluster::api::slice_index::SliceIndex;
use crate::cluster::listwatch::freshness::{FIRST_LIST_TIMEOUT, SyncStatus, UNKNOWN_AFTER};
use crate::model::ReadinessSource;
use crate::model::WhyUnknown;

#[derive(Debug)]
pub struct SliceWatch {
    pub id: SliceWatchId,
    pub scope: SliceScope,
    /// The plan includes this watch. Otherwise it serves until its replacement has listed.
    pub wanted: bool,
    pub index: SliceIndex,
    /// The Services of a local scope.
    pub services: ServiceStore,
    started: Duration,
    sync: SyncStatus,
    /// When the watch last reported a slice.
    last_slice: Option<Duration>,
    /// Why the last list or watch failed.
    failure: Option<WhyUnknown>,
    /// Set when a re-list failed: readiness is unknown until the next event.
    distrust: Option<WhyUnknown>,
    /// The health at the last call of [`Self::health_changed`].
    last_health: (WatchHealth, WatchHealth, bool),
}

impl SliceWatch {
    pub fn new(id: SliceWatchId, scope: SliceScope, now: Duration) -> Self {
        Self {
            id,
            scope,
            wanted: true,
            index: SliceIndex::default(),
            services: ServiceStore::new(now),
            started: now,
            sync: SyncStatus::started(now),
            last_slice: None,
            failure: None,
            distrust: None,
            last_health: (WatchHealth::Pending, WatchHealth::Pending, false),
        }
    }

    /// Returns whether it is in the groups' own cluster.
    pub fn is_local(&self) -> bool {
        self.scope.cluster.is_none()
    }

    /// Records that the server was heard.
    pub fn heard(&mut self, now: Duration) {
        self.sync.heard(now);
        self.failure = None;
        self.distrust = None;
    }

    /// Records that the watch reported a slice.
    pub fn slice_heard(&mut self, now: Duration) {
        self.heard(now);
        self.last_slice = Some(now);
    }

    /// Returns whether the watch has reported a slice since then. A list that was requested then
    /// may be older.
    pub fn has_heard_slice_since(&self, then: Duration) -> bool {
        self.last_slice.is_some_and(|heard| heard >= then)
    }

    /// Records a list.
    pub fn list(&mut self, index: SliceIndex, now: Duration) {
        self.slice_heard(now);
        self.index = index;
        self.sync.listed(now);
    }

    pub fn failed(&mut self, error: &RequestError) {
        self.failure = Some(why_unknown(ReadinessSource::Slices, error));
    }

    /// Records that the cluster cannot be reached.
    pub fn no_access(&mut self, why: WhyUnknown) {
        self.failure = Some(why);
    }

    pub fn distrust(&mut self, error: &RequestError) {
        self.distrust = Some(why_unknown(ReadinessSource::Slices, error));
    }

    pub fn is_listed(&self) -> bool {
        self.sync.is_synced()
    }

    pub fn is_fresh(&self, now: Duration) -> bool {
        self.sync.is_fresh(now)
    }

    pub fn health(&self, now: Duration) -> WatchHealth {
        match (self.own_health(now), &self.scope.cluster) {
            (WatchHealth::Unknown(why), Some(cluster)) => {
                WatchHealth::Unknown(why.in_cluster(cluster))
            }
            (health, _) => health,
        }
    }

    fn own_health(&self, now: Duration) -> WatchHealth {
        match (&self.distrust, &self.failure) {
            (Some(why), _) | (None, Some(why @ WhyUnknown::Forbidden(_))) => {
                WatchHealth::Unknown(why.clone())
            }
            _ if self.sync.is_current(now) => WatchHealth::Known,
            (_, failure) if self.sync.is_synced() => {
                WatchHealth::Unknown(failure.clone().unwrap_or(WhyUnknown::Silent(UNKNOWN_AFTER)))
            }
            (_, Some(why)) if why.cluster_without_remote().is_some() => {
                WatchHealth::Unknown(why.clone())
            }
            (_, failure) if self.sync.is_overdue(now) => {
                WatchHealth::Unknown(failure.clone().unwrap_or(WhyUnknown::NotListed))
            }
            _ => WatchHealth::Pending,
        }
    }

    /// Returns whether it can replace other watches: its slices are listed, and its Services are
    /// listed or failed.
    pub fn serves(&self, now: Duration) -> bool {
        self.is_listed() && !(self.is_local() && self.services.health(now) == WatchHealth::Pending)
    }

    /// Returns whether its slices and, in the groups' own cluster, its Services are known.
    pub fn is_trusted(&self, now: Duration) -> bool {
        self.health(now) == WatchHealth::Known
            && (!self.is_local() || self.services.health(now) == WatchHealth::Known)
    }

    /// Returns until when this watch may list for the first time before another replaces it. None:
    /// it has listed, has had its time, or may not list.
    pub fn lists_until(&self, now: Duration) -> Option<Duration> {
        let until = self.started + FIRST_LIST_TIMEOUT;
        let is_unknown = |health| matches!(health, WatchHealth::Unknown(_));
        let is_refused = is_unknown(self.health(now))
            || (self.is_local() && is_unknown(self.services.health(now)));
        let is_listing = !self.serves(now) && !is_refused;
        (is_listing && now <= until).then_some(until)
    }

    /// Returns whether the health has changed since the last call.
    pub fn health_changed(&mut self, now: Duration) -> bool {
        let services = (self.services.health(now), self.services.is_current(now));
        let health = (self.health(now), services.0, services.1);
        let changed = health != self.last_health;
        self.last_health = health;
        changed
    }
}
