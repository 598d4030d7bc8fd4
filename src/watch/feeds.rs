//! Which watches readiness needs, and what they say of a backend.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::feed::{FRESH, Feed, FeedId, Scope, Trust};
use crate::cluster::services::Service;
use crate::cluster::slices::{Slice, SliceIndex, selector};
use crate::cluster::stream::Event;
use crate::model::{Group, Readiness, ServiceRef, WhyUnknown};

/// With groups in more namespaces than this, one watch of the whole cluster is cheaper.
const MOST_NAMESPACES: usize = 50;
/// How long it is believed that a Service without slices exists, or does not.
const EXISTENCE_LIFETIME: Duration = Duration::from_secs(60);

/// What is known of the backends: by their slices, and where there are none by their Services.
#[derive(Debug, Default)]
pub struct Feeds {
    feeds: Vec<Feed>,
    next: u64,
    /// Services without slices: whether they exist, and when that was asked.
    existence: HashMap<ServiceRef, (Existence, Duration)>,
    /// A watch of the whole cluster was refused.
    confined: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existence {
    Asked,
    Exists,
    Missing,
}

/// Watches to start and to stop.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rewiring {
    pub start: Vec<(FeedId, Scope)>,
    pub stop: Vec<FeedId>,
}

/// Whether a decision can be made on what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The first list is on its way.
    NotYet,
    Ready(Readiness),
}

impl Feeds {
    /// Plans the watches for these services, by namespace. Those that are there serve until the new ones have
    /// listed.
    pub fn plan(&mut self, services: &BTreeMap<String, BTreeSet<String>>, now: Duration) -> Rewiring {
        let scopes: Vec<Scope> = if services.len() > MOST_NAMESPACES && !self.confined {
            vec![Scope { namespace: None, services: None }]
        } else {
            let scope = |(namespace, names): (&String, &BTreeSet<String>)| Scope {
                namespace: Some(namespace.clone()),
                services: selector(names).map(|_| names.clone()),
            };
            services.iter().map(scope).collect()
        };
        for feed in &mut self.feeds {
            feed.wanted = scopes.contains(&feed.scope);
        }
        let mut start = Vec::new();
        for scope in scopes {
            if !self.feeds.iter().any(|feed| feed.scope == scope) {
                self.next += 1;
                let id = FeedId(self.next);
                start.push((id, scope.clone()));
                self.feeds.push(Feed::new(id, scope, now));
            }
        }
        Rewiring { start, stop: self.retire() }
    }

    /// Drops feeds that nobody needs: not wanted, and what replaces them has listed.
    fn retire(&mut self) -> Vec<FeedId> {
        let pending: Vec<Scope> = self
            .feeds
            .iter()
            .filter(|feed| feed.wanted && !feed.listed)
            .map(|feed| feed.scope.clone())
            .collect();
        let serves = |feed: &Feed| feed.listed && pending.iter().any(|scope| scope.meets(&feed.scope));
        let needed = |feed: &Feed| feed.wanted || serves(feed);
        let gone = self.feeds.iter().filter(|feed| !needed(feed)).map(|feed| feed.id).collect();
        self.feeds.retain(needed);
        gone
    }

    /// Takes in what a slices' watch told; gives the services whose readiness may have changed (none: all that
    /// the feed covers) and the feeds to stop.
    pub fn slices(&mut self, id: FeedId, event: Event<Slice>, now: Duration) -> (Touched, Vec<FeedId>) {
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.id == id) else {
            return (Touched::Nothing, Vec::new());
        };
        let touched = match event {
            Event::Listed(slices) => {
                feed.list(SliceIndex::of(slices), now);
                Touched::Scope(feed.scope.clone())
            }
            Event::Applied(slice) => {
                feed.heard(now);
                Touched::Services(feed.index.apply(slice))
            }
            Event::Deleted(slice) => {
                feed.heard(now);
                feed.index.delete(&slice);
                Touched::Services(vec![slice.service])
            }
            Event::Alive => {
                feed.heard(now);
                Touched::Nothing
            }
            Event::Failed(error) => {
                feed.failed(&error);
                if error.is_forbidden() && feed.scope.namespace.is_none() {
                    self.confined = true;
                }
                Touched::Nothing
            }
        };
        let stop = if matches!(touched, Touched::Scope(_)) { self.retire() } else { Vec::new() };
        (touched, stop)
    }

    /// Whether a watch of the whole cluster was refused, so that the plan must do without.
    pub fn is_confined(&self) -> bool {
        self.confined
    }

    /// Takes in what a mirror services' watch told; gives what may have changed by it.
    pub fn mirrors(&mut self, id: FeedId, event: Event<Service>) -> Touched {
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.id == id) else { return Touched::Nothing };
        match event {
            Event::Listed(services) => {
                feed.mirrors.list(services);
                Touched::Scope(feed.scope.clone())
            }
            Event::Applied(service) => {
                self.existence.remove(&service.at);
                if feed.mirrors.apply(&service) {
                    Touched::Services(vec![service.at])
                } else {
                    Touched::Nothing
                }
            }
            Event::Deleted(service) => {
                self.existence.remove(&service.at);
                feed.mirrors.delete(&service.at);
                Touched::Services(vec![service.at])
            }
            Event::Alive => {
                feed.mirrors.heard();
                Touched::Nothing
            }
            Event::Failed(error) => {
                feed.mirrors.failed(&error);
                Touched::Nothing
            }
        }
    }

    /// Puts a fresh list of the slices of these services in the place of what was known.
    pub fn refresh(&mut self, services: &HashSet<ServiceRef>, slices: &[Slice]) {
        for feed in &mut self.feeds {
            feed.index.refresh(services, slices.to_vec());
        }
    }

    /// Notes whether a Service exists, if that could be found out; tells whether that is news.
    pub fn exists(&mut self, service: ServiceRef, found: Option<bool>, now: Duration) -> bool {
        let existence = match found {
            Some(true) => Existence::Exists,
            Some(false) => Existence::Missing,
            None => {
                // To be asked again when it matters.
                self.existence.remove(&service);
                return false;
            }
        };
        self.existence.insert(service, (existence, now)).is_none_or(|(before, _)| before != existence)
    }

    /// Which Service, without slices, should be looked up now.
    pub fn must_ask(&mut self, service: &ServiceRef, now: Duration) -> bool {
        if self.counts(service, now).is_some() {
            return false;
        }
        let stale = self.existence.get(service).is_none_or(|(existence, at)| {
            *existence != Existence::Asked && now.saturating_sub(*at) >= EXISTENCE_LIFETIME
        });
        if stale {
            let entry = self.existence.entry(service.clone()).or_insert((Existence::Asked, now));
            entry.1 = now;
        }
        stale
    }

    pub fn read(&self, service: &ServiceRef, now: Duration) -> Reading {
        let Some(feed) = self.best(service, now) else { return Reading::NotYet };
        let readiness = match feed.trust(now) {
            Trust::NotYet => return Reading::NotYet,
            Trust::Unknown(why) => Readiness::Unknown { why },
            Trust::Known => match feed.index.counts(service) {
                Some((ready, total)) => Readiness::Known { ready, total },
                None => return self.read_bare(feed, service, now),
            },
        };
        Reading::Ready(readiness)
    }

    /// What a backend without slices is: dead, missing, or a mirror that has none by design.
    fn read_bare(&self, feed: &Feed, service: &ServiceRef, now: Duration) -> Reading {
        let missing = || self.existence.get(service).is_some_and(|(what, _)| *what == Existence::Missing);
        Reading::Ready(match feed.mirrors_trust(now) {
            Trust::NotYet => return Reading::NotYet,
            Trust::Unknown(why) => Readiness::Unknown { why },
            Trust::Known if feed.mirrors.has(service) => {
                Readiness::Unknown { why: WhyUnknown::NoLocalEndpoints }
            }
            Trust::Known if missing() => Readiness::Missing,
            Trust::Known => Readiness::Known { ready: 0, total: 0 },
        })
    }

    /// Whether the server has not been heard lately enough for what is known of the group's backends to be acted on.
    pub fn is_stale(&self, group: &Group, readiness: &[Readiness], now: Duration) -> bool {
        let is_fresh = |service: &ServiceRef| {
            self.best(service, now).is_some_and(|feed| now.saturating_sub(feed.last_heard) <= FRESH)
        };
        let mut known = group.backends.iter().zip(readiness).filter(|(_, readiness)| !readiness.is_unknown());
        known.any(|(backend, _)| !is_fresh(&backend.service))
    }

    /// The scopes in which trust has changed since the last call.
    pub fn trust_changes(&mut self, now: Duration) -> Vec<Scope> {
        let changed =
            self.feeds.iter_mut().filter_map(|feed| feed.trust_changed(now).then(|| feed.scope.clone()));
        changed.collect()
    }

    fn counts(&self, service: &ServiceRef, now: Duration) -> Option<(u32, u32)> {
        self.best(service, now)?.index.counts(service)
    }

    /// The feed that knows most: one that has listed before one that has not, then the newest.
    fn best(&self, service: &ServiceRef, now: Duration) -> Option<&Feed> {
        let covering = self.feeds.iter().filter(|feed| feed.scope.covers(service));
        covering.max_by_key(|feed| (feed.trust(now) == Trust::Known, feed.listed, feed.id))
    }
}

/// What an event may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    Nothing,
    Services(Vec<ServiceRef>),
    Scope(Scope),
}
