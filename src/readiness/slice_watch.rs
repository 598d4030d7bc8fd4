//! One list-and-watch that readiness rests on, and how far it can be trusted.

use std::collections::BTreeSet;
use std::time::Duration;

use super::mirror_services::MirrorServices;
use crate::cluster::RequestError;
use crate::cluster::api::endpoint_slices;
use crate::cluster::api::endpoint_slices::{Slice, SliceIndex};
use crate::cluster::listwatch::watch;
use crate::cluster::queries::readiness::why_unknown;
use crate::model::readiness::ReadinessSource;
use crate::model::{ServiceRef, WhyUnknown};

/// After this long without a byte, what a watch told is no longer known.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// After this long without a byte, a move that no slice has caused reads its slices again first.
pub const FRESH: Duration = Duration::from_secs(10);
/// How long a first list may take before decisions are made without it.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SliceWatchId(pub u64);

/// What a feed covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceScope {
    /// None: the cluster that the groups are in; else one that its mirrors stand for.
    pub cluster: Option<String>,
    /// None: the whole cluster.
    pub namespace: Option<String>,
    /// None: every service.
    pub services: Option<BTreeSet<String>>,
}

impl SliceScope {
    pub fn covers(&self, cluster: Option<&str>, service: &ServiceRef) -> bool {
        self.cluster.as_deref() == cluster && self.speaks_of(service)
    }

    fn speaks_of(&self, service: &ServiceRef) -> bool {
        self.namespace
            .as_ref()
            .is_none_or(|namespace| *namespace == service.namespace)
            && self
                .services
                .as_ref()
                .is_none_or(|services| services.contains(&service.name))
    }

    /// The slices to follow.
    pub fn slices(&self) -> watch::Collection<Slice> {
        match &self.namespace {
            Some(namespace) => endpoint_slices::source(namespace, self.services.as_ref()),
            None => endpoint_slices::source_everywhere(),
        }
    }

    /// Whether both speak of some namespace.
    pub fn meets(&self, other: &Self) -> bool {
        self.cluster == other.cluster
            && (self.namespace.is_none()
                || other.namespace.is_none()
                || self.namespace == other.namespace)
    }
}

/// How far a feed can be trusted at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchHealth {
    /// The first list is on its way.
    NotYet,
    Known,
    Unknown(WhyUnknown),
}

#[derive(Debug)]
pub struct SliceWatch {
    pub id: SliceWatchId,
    pub scope: SliceScope,
    /// It is part of the plan; otherwise it serves until what replaces it has listed.
    pub wanted: bool,
    pub index: SliceIndex,
    pub listed: bool,
    /// What is without slices may be one of these.
    pub mirrors: MirrorServices,
    started: Duration,
    pub last_heard: Duration,
    /// When the watch last told of slices.
    last_told: Option<Duration>,
    /// Why the last try failed.
    trouble: Option<WhyUnknown>,
    /// A fresh list could not be had when one was needed: nothing is known until something is heard.
    doubt: Option<WhyUnknown>,
    /// As it was when its groups were last told.
    trust_told: (WatchHealth, WatchHealth),
}

impl SliceWatch {
    pub fn new(id: SliceWatchId, scope: SliceScope, now: Duration) -> Self {
        Self {
            id,
            scope,
            wanted: true,
            index: SliceIndex::default(),
            listed: false,
            mirrors: MirrorServices::default(),
            started: now,
            last_heard: now,
            last_told: None,
            trouble: None,
            doubt: None,
            trust_told: (WatchHealth::NotYet, WatchHealth::NotYet),
        }
    }

    /// Whether it is of the cluster that the groups are in.
    pub fn is_ours(&self) -> bool {
        self.scope.cluster.is_none()
    }

    /// Takes in that the server was heard.
    pub fn heard(&mut self, now: Duration) {
        self.last_heard = now;
        self.trouble = None;
        self.doubt = None;
    }

    /// Takes in that the server was heard, and told of slices.
    pub fn told(&mut self, now: Duration) {
        self.heard(now);
        self.last_told = Some(now);
    }

    /// Whether the watch has told of slices since then: what was asked for then may be older.
    pub fn has_told_since(&self, then: Duration) -> bool {
        self.last_told.is_some_and(|told| told >= then)
    }

    /// Takes in a list.
    pub fn list(&mut self, index: SliceIndex, now: Duration) {
        self.told(now);
        self.index = index;
        self.listed = true;
    }

    pub fn failed(&mut self, error: &RequestError) {
        self.trouble = Some(why_unknown(ReadinessSource::Slices, error));
    }

    /// Takes in that the cluster can't be asked at all.
    pub fn no_access(&mut self, why: WhyUnknown) {
        self.trouble = Some(why);
    }

    pub fn doubt(&mut self, error: &RequestError) {
        self.doubt = Some(why_unknown(ReadinessSource::Slices, error));
    }

    pub fn is_fresh(&self, now: Duration) -> bool {
        now.saturating_sub(self.last_heard) <= FRESH
    }

    pub fn trust(&self, now: Duration) -> WatchHealth {
        match (self.own_trust(now), &self.scope.cluster) {
            (WatchHealth::Unknown(why), Some(cluster)) => {
                WatchHealth::Unknown(why.in_cluster(cluster))
            }
            (trust, _) => trust,
        }
    }

    fn own_trust(&self, now: Duration) -> WatchHealth {
        let quiet = now.saturating_sub(self.last_heard);
        match (&self.doubt, &self.trouble) {
            (Some(why), _) | (None, Some(why @ WhyUnknown::Forbidden(_))) => {
                WatchHealth::Unknown(why.clone())
            }
            _ if self.listed && quiet <= SILENCE_LIMIT => WatchHealth::Known,
            (_, trouble) if self.listed => {
                WatchHealth::Unknown(trouble.clone().unwrap_or(WhyUnknown::Silent))
            }
            (_, Some(why)) if why.cluster_without_remote().is_some() => {
                WatchHealth::Unknown(why.clone())
            }
            (_, trouble) if quiet > PATIENCE => {
                WatchHealth::Unknown(trouble.clone().unwrap_or(WhyUnknown::NotListed))
            }
            _ => WatchHealth::NotYet,
        }
    }

    /// How far it is known which services are mirrors.
    pub fn mirrors_trust(&self, now: Duration) -> WatchHealth {
        match self.mirrors.trust() {
            WatchHealth::NotYet if now.saturating_sub(self.started) > PATIENCE => {
                WatchHealth::Unknown(
                    self.mirrors
                        .trouble()
                        .cloned()
                        .unwrap_or(WhyUnknown::NotListed),
                )
            }
            trust => trust,
        }
    }

    /// Whether it can take the place of others: what it covers has been listed, or what are mirrors can't be.
    pub fn serves(&self, now: Duration) -> bool {
        self.listed && !(self.is_ours() && self.mirrors_trust(now) == WatchHealth::NotYet)
    }

    /// Whether trust has changed since this was last asked.
    pub fn trust_changed(&mut self, now: Duration) -> bool {
        let trust = (self.trust(now), self.mirrors_trust(now));
        let changed = trust != self.trust_told;
        self.trust_told = trust;
        changed
    }
}
