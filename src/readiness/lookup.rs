//! The look-up of a backend's readiness: from its own endpoints and, for a mirror, from those of
//! the services behind it. Watches (`watch`, `status -w`) and single reads (`status`, `force`) use
//! the same cache and the same look-up.

use std::collections::BTreeSet;
use std::time::Duration;

use super::cache::ReadinessCache;
use super::health::WatchHealth;
use super::mirror_index::LocatedService;
use super::scope::RelistRequest;
use super::service_store::{KnownService, ServiceEntry};
use super::slice_watch::SliceWatch;
use crate::cluster::api::endpoint_counts::{EndpointCounts, LastWrite, NeededPort};
use crate::cluster::listwatch::freshness::{UNKNOWN_AFTER, is_fresh};
use crate::model::ReadinessSource;
use crate::model::{Destination, Mirror, Readiness, RemoteService, ServiceRef, WhyUnknown};

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
    /// Returns the readiness of a service for requests to these ports; empty means any port.
    pub fn lookup(&self, service: &ServiceRef, ports: &[u16], now: Duration) -> ReadinessLookup {
        self.lookup_with(service, ports, now, BelievedRemotes::Known)
    }

    /// Returns the last write of the slices that show a service's readiness, its own ones and those
    /// of the services behind it.
    pub fn last_write(&self, service: &ServiceRef, now: Duration) -> LastWrite {
        let own = (None, service.clone());
        let located = std::iter::once(&own).chain(self.mirror_index.behind(service));
        let writes = located.filter_map(|(cluster, service)| {
            let watch = self.best(cluster.as_deref(), service, now)?;
            watch.index.last_write(service)
        });
        writes.max_by_key(|write| write.at).unwrap_or_default()
    }

    /// Returns the readiness without waiting for other clusters that were not recently active.
    pub fn lookup_fresh(&self, service: &ServiceRef, ports: &[u16], now: Duration) -> Readiness {
        self.lookup_with(service, ports, now, BelievedRemotes::Fresh)
            .or_unknown()
    }

    fn lookup_with(
        &self,
        service: &ServiceRef,
        ports: &[u16],
        now: Duration,
        believed: BelievedRemotes,
    ) -> ReadinessLookup {
        let own = self.in_own_cluster(service, ports, now);
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
            (_, Some(mirror)) => self.of_mirror((service, mirror), own, ports, now, believed),
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
        (service, mirror): (&ServiceRef, &Mirror),
        own: Readiness,
        ports: &[u16],
        now: Duration,
        believed: BelievedRemotes,
    ) -> ReadinessLookup {
        let here = |service: &ServiceRef| self.in_own_cluster(service, ports, now);
        // A mirror has the ports of its service. Those of a federated Service are those of one
        // member.
        let needed = match (mirror, self.known_service(service, now)) {
            (Mirror::Federated(_), _) | (_, None) => vec![(NeededPort::Any, None)],
            (_, Some(known)) => known.needed_ports(ports),
        };
        let there = |remote: &RemoteService| self.in_remote(remote, &needed, now, believed);
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
        needed: &[(NeededPort, Option<&str>)],
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
        let watch = match self.slices_of(Some(cluster), service, now) {
            Ok(watch) => watch,
            Err(lookup) => return lookup,
        };
        let (counts, target) = counts(watch, service, needed).unwrap_or_default();
        ReadinessLookup::Answer(with_ports(counts, true, target))
    }

    /// Returns the readiness of a service of this cluster from its slices.
    fn in_own_cluster(
        &self,
        service: &ServiceRef,
        ports: &[u16],
        now: Duration,
    ) -> ReadinessLookup {
        let watch = match self.slices_of(None, service, now) {
            Ok(watch) => watch,
            Err(lookup) => return lookup,
        };
        let health = self.within_wait(None, service, watch.services.health(now), now);
        of_local_service(watch, service, ports, health, now)
    }

    /// Returns the watch that knows the slices of a service.
    ///
    /// # Errors
    /// If none does: returns the result of the look-up.
    fn slices_of(
        &self,
        cluster: Option<&str>,
        service: &ServiceRef,
        now: Duration,
    ) -> Result<&SliceWatch, ReadinessLookup> {
        let watch = self.best(cluster, service, now);
        let health = watch.map_or(WatchHealth::Pending, |watch| watch.health(now));
        match (self.within_wait(cluster, service, health, now), watch) {
            (WatchHealth::Known, Some(watch)) => Ok(watch),
            (WatchHealth::Unknown(why), _) => Err(ReadinessLookup::unknown(why)),
            (WatchHealth::Pending | WatchHealth::Known, _) => Err(ReadinessLookup::Pending),
        }
    }

    fn known_service(&self, service: &ServiceRef, now: Duration) -> Option<&KnownService> {
        match self.best(None, service, now)?.services.get(service)? {
            ServiceEntry::Exists(known) => Some(known),
            ServiceEntry::Missing | ServiceEntry::Unread(_) => None,
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
    pub fn without_proof(
        &self,
        backends: &BTreeSet<Destination>,
        now: Duration,
    ) -> Vec<ServiceRef> {
        let members = self.mirror_index.services();
        let members = members.filter(|(cluster, _)| cluster.is_none());
        let backends = backends.iter().map(|it| (&it.service, &it.ports[..]));
        backends
            .chain(members.map(|(_, service)| (service, &[][..])))
            .filter(|(service, ports)| {
                self.best(None, service, now).is_some_and(|watch| {
                    let counts = watch.index.counts(service, &NeededPort::Any);
                    watch.health(now) == WatchHealth::Known
                        && watch.services.get(service).is_none()
                        && !counts.is_some_and(|counts| is_proof(counts, ports))
                })
            })
            .map(|(service, _)| service.clone())
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
/// not, and that proxies can use them.
fn is_proof(counts: EndpointCounts, ports: &[u16]) -> bool {
    counts.is_owned && counts.ready_without_port == 0 && ports.is_empty()
}

/// Returns the endpoints of the port with the fewest ready ones, and the port's name.
fn counts<'a>(
    watch: &SliceWatch,
    service: &ServiceRef,
    needed: &[(NeededPort, Option<&'a str>)],
) -> Option<(EndpointCounts, Option<&'a str>)> {
    let counts = needed
        .iter()
        .filter_map(|(needed, name)| Some((watch.index.counts(service, needed)?, *name)));
    counts.min_by_key(|(counts, _)| counts.ready)
}

fn known(EndpointCounts { ready, total, .. }: EndpointCounts) -> Readiness {
    Readiness::Known { ready, total }
}

/// Returns the readiness of a backend from its slices and its Service.
fn of_local_service(
    watch: &SliceWatch,
    service: &ServiceRef,
    ports: &[u16],
    health: WatchHealth,
    now: Duration,
) -> ReadinessLookup {
    let entry = watch.services.get(service);
    let (needed, proof_of) = match entry {
        Some(ServiceEntry::Exists(known)) => (known.needed_ports(ports), &[][..]),
        _ => (vec![(NeededPort::Any, None)], ports),
    };
    let found = counts(watch, service, &needed);
    let (counts, target) = (
        found.map(|(counts, _)| counts),
        found.and_then(|(_, name)| name),
    );
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
        (Some(counts), _) if is_proof(counts, proof_of) => ReadinessLookup::Answer(known(counts)),
        (_, WatchHealth::Pending) => ReadinessLookup::Pending,
        (Some(counts), WatchHealth::Unknown(_)) => {
            ReadinessLookup::Answer(with_ports(counts, true, target))
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
                ReadinessLookup::Answer(of_existing_service(exists, counts, target))
            }
            _ => ReadinessLookup::Answer(with_ports(counts.unwrap_or_default(), true, target)),
        },
    }
}

fn of_existing_service(
    service: &KnownService,
    counts: Option<EndpointCounts>,
    target: Option<&str>,
) -> Readiness {
    match (counts, service.mirror()) {
        (None, Some(mirror)) if !mirror.has_local_endpoints() => mirror.without_remotes(),
        (counts, _) => with_ports(
            counts.unwrap_or_default(),
            !service.ports.is_empty(),
            target,
        ),
    }
}

/// Returns the readiness if endpoints without the port count only for a Service without ports. A
/// Service that is not known has ports, as nearly all have.
fn with_ports(counts: EndpointCounts, has_ports: bool, target: Option<&str>) -> Readiness {
    let pods = counts.ready_without_port;
    if !has_ports {
        return Readiness::Known {
            ready: counts.ready.saturating_add(pods),
            total: counts.total,
        };
    }
    if counts.ready == 0 && pods > 0 {
        return Readiness::NoPort {
            pods,
            total: counts.total,
            target: target.map(str::to_owned),
        };
    }
    known(counts)
}
