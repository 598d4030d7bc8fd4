//! The look-up of a backend's readiness: from its own endpoints and, for a mirror, from those of
//! the services behind it. Watches (`watch`, `status -w`) and single reads (`status`, `force`) use
//! the same cache and the same look-up.

use std::time::Duration;

use super::backends::{ServiceNames, services};
use super::cache::ReadinessCache;
use super::health::WatchHealth;
use super::mirror_index::LocatedService;
use super::scope::RelistRequest;
use super::service_store::{KnownService, ServiceEntry};
use super::slice_watch::SliceWatch;
use crate::cluster::api::endpoint_counts::EndpointCounts;
use crate::cluster::listwatch::freshness::{UNKNOWN_AFTER, is_fresh};
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
        let services = self
            .best(None, service, now)
            .map(|watch| self.within_wait(None, service, watch.services.health(now), now));
        match (services, self.mirror(service)) {
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
        if let Some(why) = self.mirror_index.why_refused(&located()) {
            return ReadinessLookup::unknown(why.clone());
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
        let within_wait = |health| self.within_wait(cluster, service, health, now);
        let Some(watch) = self.best(cluster, service, now) else {
            return match within_wait(WatchHealth::Pending) {
                WatchHealth::Unknown(why) => ReadinessLookup::unknown(why),
                WatchHealth::Pending | WatchHealth::Known => ReadinessLookup::Pending,
            };
        };
        match within_wait(watch.health(now)) {
            WatchHealth::Pending => ReadinessLookup::Pending,
            WatchHealth::Unknown(why) => ReadinessLookup::unknown(why),
            WatchHealth::Known if cluster.is_some() => {
                let counts = watch.index.counts(service);
                ReadinessLookup::Answer(known(counts.unwrap_or_default()))
            }
            WatchHealth::Known => {
                let services = within_wait(watch.services.health(now));
                of_local_service(watch, service, services, now)
            }
        }
    }

    /// Returns the health of a service's watch. A pending one is unknown once the service has waited
    /// for too long, however new the watch is.
    fn within_wait(
        &self,
        cluster: Option<&str>,
        service: &ServiceRef,
        health: WatchHealth,
        now: Duration,
    ) -> WatchHealth {
        let located = || (cluster.map(str::to_owned), service.clone());
        if health != WatchHealth::Pending || !self.first_lists.is_overdue(&located(), now) {
            return health;
        }
        let why = WhyUnknown::NotListed;
        WatchHealth::Unknown(match cluster {
            Some(cluster) => why.in_cluster(cluster),
            None => why,
        })
    }

    /// Returns the local services whose readiness depends on their Services, which have to be read:
    /// those without slices, and those whose slices may not count.
    pub fn without_proof(&self, backends: &ServiceNames, now: Duration) -> Vec<ServiceRef> {
        let members = self.mirror_index.services();
        let members = members.filter(|(cluster, _)| cluster.is_none());
        services(backends)
            .chain(members.map(|(_, service)| service.clone()))
            .filter(|service| {
                self.best(None, service, now).is_some_and(|watch| {
                    watch.health(now) == WatchHealth::Known
                        && watch.services.get(service).is_none()
                        && !watch.index.counts(service).is_some_and(is_proof)
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

/// Returns whether the slices show that the Service exists, as long as nothing shows that it does
/// not, and the ports of its pods are those that it looks for.
fn is_proof(counts: EndpointCounts) -> bool {
    counts.is_owned && counts.ready_without_port == 0
}

fn known(EndpointCounts { ready, total, .. }: EndpointCounts) -> Readiness {
    Readiness::Known { ready, total }
}

/// Returns the readiness of a backend from its slices and its Service.
fn of_local_service(
    watch: &SliceWatch,
    service: &ServiceRef,
    health: WatchHealth,
    now: Duration,
) -> ReadinessLookup {
    let counts = watch.index.counts(service);
    let entry = watch.services.get(service);
    if let Some(ServiceEntry::Exists(exists)) = entry
        && exists.is_external_name
    {
        return ReadinessLookup::unknown(WhyUnknown::ExternalName);
    }
    let is_gone = health == WatchHealth::Known && entry == Some(&ServiceEntry::Missing);
    if is_gone && watch.services.is_current(now) {
        // Nothing deletes its slices while the controllers of the cluster are down.
        return ReadinessLookup::Answer(Readiness::Missing);
    }
    match (counts, health) {
        (Some(counts), _) if is_proof(counts) => ReadinessLookup::Answer(known(counts)),
        (_, WatchHealth::Pending) => ReadinessLookup::Pending,
        (Some(counts), WatchHealth::Unknown(_)) => {
            ReadinessLookup::Answer(with_ports(counts, None))
        }
        (None, WatchHealth::Unknown(why)) => ReadinessLookup::unknown(why),
        (counts, WatchHealth::Known) => match entry {
            Some(ServiceEntry::Missing) if !counts.is_some_and(|counts| counts.is_owned) => {
                ReadinessLookup::unknown(WhyUnknown::Silent(UNKNOWN_AFTER))
            }
            Some(ServiceEntry::Unread(why)) if counts.is_none() => {
                ReadinessLookup::unknown(why.clone())
            }
            Some(ServiceEntry::Exists(exists)) => {
                ReadinessLookup::Answer(of_existing_service(exists, counts))
            }
            _ => ReadinessLookup::Answer(with_ports(counts.unwrap_or_default(), None)),
        },
    }
}

fn of_existing_service(service: &KnownService, counts: Option<EndpointCounts>) -> Readiness {
    match (counts, service.mirror()) {
        (None, Some(mirror)) if !mirror.has_local_endpoints() => mirror.without_remotes(),
        (counts, _) => with_ports(counts.unwrap_or_default(), Some(service)),
    }
}

/// Returns the readiness if endpoints without ports count only for a Service without ports. A
/// Service that is not known has ports, as nearly all have.
fn with_ports(counts: EndpointCounts, service: Option<&KnownService>) -> Readiness {
    let pods = counts.ready_without_port;
    match service {
        Some(service) if !service.has_ports => Readiness::Known {
            ready: counts.ready.saturating_add(pods),
            total: counts.total,
        },
        _ if counts.ready == 0 && pods > 0 => Readiness::NoPort {
            pods,
            total: counts.total,
            target: service
                .and_then(|service| service.named_target.as_deref())
                .map(str::to_owned),
        },
        _ => known(counts),
    }
}
