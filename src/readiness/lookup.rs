//! The look-up of a backend's readiness: from its own endpoints and, for a mirror, from those of
//! the services behind it. Watches (`watch`, `status -w`) and single reads (`status`, `force`) use
//! the same cache and the same look-up.

use std::time::Duration;

use super::backends::{ServiceNames, services};
use super::cache::ReadinessCache;
use super::health::WatchHealth;
use super::mirror_index::LocatedService;
use super::scope::RelistRequest;
use super::service_lookups::ServiceExistence;
use super::slice_watch::SliceWatch;
use crate::cluster::listwatch::freshness::is_fresh;
use crate::model::ReadinessSource;
use crate::model::{Mirror, Readiness, RemoteService, ServiceRef, WhyUnknown};

/// The result of a look-up: readiness, or that a list is still missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadinessLookup {
    /// The first list has not arrived yet.
    Pending,
    Answer(Readiness),
}

impl ReadinessLookup {
    /// Returns the readiness. It is unknown while a list is pending.
    pub fn or_unknown(self) -> Readiness {
        match self {
            Self::Answer(readiness) => readiness,
            Self::Pending => Readiness::Unknown {
                why: WhyUnknown::NotListed,
            },
        }
    }

    fn unknown(why: WhyUnknown) -> Self {
        Self::Answer(Readiness::Unknown { why })
    }
}

/// Which watches of other clusters a look-up trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BelievedRemotes {
    /// All whose health is good.
    Known,
    /// Only those that were recently active.
    Fresh,
}

impl ReadinessCache {
    pub fn lookup(&self, service: &ServiceRef, now: Duration) -> ReadinessLookup {
        self.lookup_with(service, now, BelievedRemotes::Known)
    }

    /// Returns the readiness without waiting for other clusters that were not recently active.
    pub fn lookup_fresh(&self, service: &ServiceRef, now: Duration) -> Readiness {
        self.lookup_with(service, now, BelievedRemotes::Fresh)
            .or_unknown()
    }

    fn lookup_with(
        &self,
        service: &ServiceRef,
        now: Duration,
        believed: BelievedRemotes,
    ) -> ReadinessLookup {
        let own = self.in_cluster(None, service, now);
        if self.remotes.is_empty() {
            return own;
        }
        let ReadinessLookup::Answer(own) = own else {
            return ReadinessLookup::Pending;
        };
        let mirrors = self
            .best(None, service, now)
            .map(|watch| watch.mirrors_health(now));
        match (mirrors, self.mirror(service)) {
            (Some(WatchHealth::Pending), _) => ReadinessLookup::Pending,
            (_, Some(mirror)) => self.of_mirror(mirror, own, now, believed),
            // The service may be a mirror. Then its own endpoints do not show that it is ready.
            (Some(WatchHealth::Unknown(why)), None) if own.is_ready() => {
                ReadinessLookup::unknown(why)
            }
            (_, None) => ReadinessLookup::Answer(own),
        }
    }

    /// Combines a mirror's own endpoints with those of the services behind it.
    fn of_mirror(
        &self,
        mirror: &Mirror,
        own: Readiness,
        now: Duration,
        believed: BelievedRemotes,
    ) -> ReadinessLookup {
        let here = |service: &ServiceRef| self.in_cluster(None, service, now);
        let there = |remote: &RemoteService| self.in_remote(remote, now, believed);
        // Without its gateway a mirror is dead, even if the other cluster reports ready endpoints.
        let needs_both = !mirror.has_local_endpoints() || own.is_ready();
        let mut parts = mirror.locals().map(here).chain(mirror.remotes().map(there));
        if needs_both && parts.any(|part| part == ReadinessLookup::Pending) {
            return ReadinessLookup::Pending;
        }
        ReadinessLookup::Answer(mirror.reading(
            own,
            |service| here(service).or_unknown(),
            |remote| there(remote).or_unknown(),
        ))
    }

    fn in_remote(
        &self,
        remote: &RemoteService,
        now: Duration,
        believed: BelievedRemotes,
    ) -> ReadinessLookup {
        let RemoteService { cluster, service } = remote;
        let located = || (Some(cluster.clone()), service.clone());
        if !self.remotes.has(cluster) {
            return ReadinessLookup::unknown(WhyUnknown::no_remote(cluster));
        }
        if believed == BelievedRemotes::Fresh && self.is_stale(&located(), now) {
            let why = WhyUnknown::Failing(ReadinessSource::Slices, "no answer yet".to_owned());
            return ReadinessLookup::unknown(why.in_cluster(cluster));
        }
        self.in_cluster(Some(cluster), service, now)
    }

    /// Returns the readiness of a service from its slices in one cluster.
    fn in_cluster(
        &self,
        cluster: Option<&str>,
        service: &ServiceRef,
        now: Duration,
    ) -> ReadinessLookup {
        let Some(watch) = self.best(cluster, service, now) else {
            return ReadinessLookup::Pending;
        };
        match (watch.health(now), watch.index.counts(service)) {
            (WatchHealth::Pending, _) => ReadinessLookup::Pending,
            (WatchHealth::Unknown(why), _) => ReadinessLookup::unknown(why),
            (WatchHealth::Known, Some((ready, total))) => {
                ReadinessLookup::Answer(Readiness::Known { ready, total })
            }
            (WatchHealth::Known, None) if cluster.is_some() => {
                ReadinessLookup::Answer(Readiness::Known { ready: 0, total: 0 })
            }
            (WatchHealth::Known, None) => self.of_bare_service(watch, service, now),
        }
    }

    /// Returns the readiness of a backend without slices. It is dead, missing, or a mirror without
    /// local endpoints by design.
    fn of_bare_service(
        &self,
        watch: &SliceWatch,
        service: &ServiceRef,
        now: Duration,
    ) -> ReadinessLookup {
        match watch.mirrors_health(now) {
            WatchHealth::Pending => return ReadinessLookup::Pending,
            WatchHealth::Unknown(why) => return ReadinessLookup::unknown(why),
            WatchHealth::Known => {}
        }
        let mirror = watch.mirrors.get(service);
        if let Some(mirror) = mirror.filter(|mirror| !mirror.has_local_endpoints()) {
            return ReadinessLookup::Answer(mirror.without_remotes());
        }
        match self.services.get(service) {
            Some(ServiceExistence::Missing) => ReadinessLookup::Answer(Readiness::Missing),
            Some(ServiceExistence::Unread(why)) => ReadinessLookup::unknown(why.clone()),
            Some(ServiceExistence::Asked | ServiceExistence::Exists) | None => {
                ReadinessLookup::Answer(Readiness::Known { ready: 0, total: 0 })
            }
        }
    }

    pub(super) fn counts(&self, service: &ServiceRef, now: Duration) -> Option<(u32, u32)> {
        self.best(None, service, now)?.index.counts(service)
    }

    /// Returns the local services that have no slices in a complete list and are not known to be
    /// mirrors without local endpoints. Their Services have to be read.
    pub fn without_slices(&self, backends: &ServiceNames, now: Duration) -> Vec<ServiceRef> {
        let members = self.mirror_index.services();
        let members = members.filter(|(cluster, _)| cluster.is_none());
        services(backends)
            .chain(members.map(|(_, service)| service.clone()))
            .filter(|service| {
                self.best(None, service, now).is_some_and(|watch| {
                    let mirror = watch.mirrors.get(service);
                    watch.health(now) == WatchHealth::Known
                        && watch.index.counts(service).is_none()
                        && mirror.is_none_or(Mirror::has_local_endpoints)
                })
            })
            .collect()
    }

    /// Returns the services to list again before a decision on these backends: their watches are
    /// trusted but have been silent for a while.
    pub fn stale<'a>(
        &self,
        backends: impl Iterator<Item = (&'a ServiceRef, &'a Readiness)>,
        now: Duration,
    ) -> Vec<RelistRequest> {
        let mut places: Vec<RelistRequest> = Vec::new();
        for (service, _) in backends.filter(|(_, readiness)| !readiness.is_unknown()) {
            let own = (None, service.clone());
            for located in std::iter::once(&own)
                .chain(self.mirror_index.behind(service))
                .filter(|located| self.is_stale(located, now))
            {
                RelistRequest::add(&mut places, located.0.as_ref(), &located.1);
            }
        }
        places
    }

    /// Returns whether the service's watch is trusted but not recently active, and the service was
    /// not recently listed separately.
    fn is_stale(&self, located: &LocatedService, now: Duration) -> bool {
        if self
            .relisted
            .get(located)
            .is_some_and(|at| is_fresh(*at, now))
        {
            return false;
        }
        let (cluster, service) = located;
        match self.best(cluster.as_deref(), service, now) {
            Some(watch) => watch.health(now) == WatchHealth::Known && !watch.is_fresh(now),
            None => cluster.is_none(),
        }
    }
}
