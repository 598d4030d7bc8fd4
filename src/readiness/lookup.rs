//! What the feeds say of a backend: its own endpoints and, of a mirror, those of the services behind it.

use std::time::Duration;

use super::cache::{ReadinessCache, ServiceExistence};
use super::mirror_index::{LocatedService, RemoteNamespace};
use super::slice_watch::{FRESH, SliceWatch, WatchHealth};
use crate::model::readiness::ReadinessSource;
use crate::model::{Mirror, Readiness, RemoteService, ServiceRef, WhyUnknown};

/// Whether a decision can be made on what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The first list is on its way.
    NotYet,
    Ready(Readiness),
}

impl ReadinessCache {
    pub fn read(&self, service: &ServiceRef, now: Duration) -> Lookup {
        self.read_by(service, now, Freshness::Patient)
    }

    /// What is known of a backend without what other clusters would have to say again.
    pub fn heard(&self, service: &ServiceRef, now: Duration) -> Readiness {
        known(self.read_by(service, now, Freshness::Strict))
    }

    fn read_by(&self, service: &ServiceRef, now: Duration, ears: Freshness) -> Lookup {
        let own = self.read_at(None, service, now);
        if self.asked.nobody() {
            return own;
        }
        let Lookup::Ready(own) = own else {
            return Lookup::NotYet;
        };
        let mirrors = self
            .best(None, service, now)
            .map(|feed| feed.mirrors_trust(now));
        match (mirrors, self.mirror(service)) {
            (Some(WatchHealth::NotYet), _) => Lookup::NotYet,
            (_, Some(mirror)) => self.read_mirror(mirror, own, now, ears),
            // One that may be a mirror is not known by its own endpoints alone.
            (Some(WatchHealth::Unknown(why)), None) if own.is_ready() => {
                Lookup::Ready(Readiness::Unknown { why })
            }
            (_, None) => Lookup::Ready(own),
        }
    }

    /// What a mirror's own endpoints and those of the services behind it come to.
    fn read_mirror(
        &self,
        mirror: &Mirror,
        own: Readiness,
        now: Duration,
        ears: Freshness,
    ) -> Lookup {
        let here = |service: &ServiceRef| self.read_at(None, service, now);
        let there = |remote: &RemoteService| self.read_there(remote, now, ears);
        // Without its gateway a mirror is dead, whatever may be known of the other side.
        let waits = !mirror.has_local_endpoints() || own.is_ready();
        let mut parts = mirror.locals().map(here).chain(mirror.remotes().map(there));
        if waits && parts.any(|part| part == Lookup::NotYet) {
            return Lookup::NotYet;
        }
        Lookup::Ready(mirror.reading(
            own,
            |service| known(here(service)),
            |remote| known(there(remote)),
        ))
    }

    fn read_there(&self, remote: &RemoteService, now: Duration, ears: Freshness) -> Lookup {
        let RemoteService { cluster, service } = remote;
        let located = || (Some(cluster.clone()), service.clone());
        let why = if !self.asked.has(cluster) {
            WhyUnknown::no_remote(cluster)
        } else if ears == Freshness::Strict && self.is_stale(&located(), now) {
            WhyUnknown::Failing(ReadinessSource::Slices, "no answer yet".to_owned())
                .in_cluster(cluster)
        } else {
            return self.read_at(Some(cluster), service, now);
        };
        Lookup::Ready(Readiness::Unknown { why })
    }

    /// What the slices of a service in one cluster say.
    fn read_at(&self, cluster: Option<&str>, service: &ServiceRef, now: Duration) -> Lookup {
        let Some(feed) = self.best(cluster, service, now) else {
            return Lookup::NotYet;
        };
        Lookup::Ready(match feed.trust(now) {
            WatchHealth::NotYet => return Lookup::NotYet,
            WatchHealth::Unknown(why) => Readiness::Unknown { why },
            WatchHealth::Known => match feed.index.counts(service) {
                Some((ready, total)) => Readiness::Known { ready, total },
                None if cluster.is_some() => Readiness::Known { ready: 0, total: 0 },
                None => return self.read_bare(feed, service, now),
            },
        })
    }

    /// What a backend without slices is: dead, missing, or a mirror that has none by design.
    fn read_bare(&self, feed: &SliceWatch, service: &ServiceRef, now: Duration) -> Lookup {
        let missing = || {
            self.existence
                .get(service)
                .is_some_and(|(what, _)| *what == ServiceExistence::Missing)
        };
        Lookup::Ready(match feed.mirrors_trust(now) {
            WatchHealth::NotYet => return Lookup::NotYet,
            WatchHealth::Unknown(why) => Readiness::Unknown { why },
            WatchHealth::Known => match feed
                .mirrors
                .get(service)
                .filter(|mirror| !mirror.has_local_endpoints())
            {
                Some(mirror) => mirror.without_remotes(),
                None if missing() => Readiness::Missing,
                None => Readiness::Known { ready: 0, total: 0 },
            },
        })
    }

    /// What has to be listed again before what is known of these backends can be acted on: no server that says it
    /// has been silent for long.
    pub fn stale<'a>(
        &self,
        backends: impl Iterator<Item = (&'a ServiceRef, &'a Readiness)>,
        now: Duration,
    ) -> Vec<RemoteNamespace> {
        let mut places: Vec<RemoteNamespace> = Vec::new();
        for (service, _) in backends.filter(|(_, readiness)| !readiness.is_unknown()) {
            let behind = self.behind.behind(service).into_iter().flatten();
            let ours = (None, service.clone());
            for located in std::iter::once(&ours)
                .chain(behind)
                .filter(|located| self.is_stale(located, now))
            {
                RemoteNamespace::add(&mut places, located.0.as_ref(), &located.1);
            }
        }
        places
    }

    /// Whether a feed that is believed has not been heard lately, nor its service been listed beside it.
    fn is_stale(&self, located: &LocatedService, now: Duration) -> bool {
        if self
            .refreshed
            .get(located)
            .is_some_and(|at| now.saturating_sub(*at) <= FRESH)
        {
            return false;
        }
        let (cluster, service) = located;
        match self.best(cluster.as_deref(), service, now) {
            Some(feed) => feed.trust(now) == WatchHealth::Known && !feed.is_fresh(now),
            None => cluster.is_none(),
        }
    }
}

/// Whose word of other clusters is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    /// Of every feed that is believed.
    Patient,
    /// Only of one that has been heard lately.
    Strict,
}

fn known(reading: Lookup) -> Readiness {
    match reading {
        Lookup::Ready(readiness) => readiness,
        Lookup::NotYet => Readiness::Unknown {
            why: WhyUnknown::NotListed,
        },
    }
}
