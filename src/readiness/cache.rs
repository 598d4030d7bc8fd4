//! Which watches readiness needs, and what they say of a backend.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::mirror_index::{LocatedService, MirrorIndex, RemoteNamespace};
use super::slice_watch::{FRESH, SliceScope, SliceWatch, SliceWatchId, WatchHealth};
use crate::cluster::RequestError;
use crate::cluster::api::endpoint_slices::{Slice, SliceIndex, selector};
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::watch::Event;
use crate::cluster::queries::readiness::{ServiceNames, want};
use crate::cluster::remotes::remote_clusters::NamedRemotes;
use crate::model::{Mirror, ServiceRef, WhyUnknown};

/// With groups in more namespaces than this, one watch of the whole cluster is cheaper.
const MOST_NAMESPACES: usize = 50;
/// How long it is believed that a Service without slices exists, or does not.
const EXISTENCE_LIFETIME: Duration = Duration::from_secs(60);

/// What is known of the backends: by their slices, and where there are none by their Services.
#[derive(Debug, Default)]
pub struct ReadinessCache {
    feeds: Vec<SliceWatch>,
    next: u64,
    /// Services without slices: whether they exist, and when that was asked.
    pub(crate) existence: HashMap<ServiceRef, (ServiceExistence, Duration)>,
    /// The clusters, ours being none, in which a watch of everything was refused.
    confined: HashSet<Option<String>>,
    /// The other clusters that may be asked.
    pub(crate) asked: NamedRemotes,
    /// The mirrors among the backends.
    pub(crate) behind: MirrorIndex,
    /// When services were last listed beside the watches.
    pub(crate) refreshed: HashMap<LocatedService, Duration>,
    /// Grows when the watches may have to be planned anew.
    revision: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServiceExistence {
    Asked,
    Exists,
    Missing,
}

/// Watches to start and to stop.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WatchChanges {
    pub start: Vec<(SliceWatchId, SliceScope)>,
    pub stop: Vec<SliceWatchId>,
}

impl ReadinessCache {
    pub fn asking(asked: NamedRemotes) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }

    /// Plans the watches for these services and what the mirrors among them stand for. Those that are there serve
    /// until the new ones have listed.
    pub fn plan(&mut self, services: ServiceNames, now: Duration) -> WatchChanges {
        let wanted = self.places(services);
        let scopes: Vec<SliceScope> = wanted
            .iter()
            .flat_map(|(cluster, services)| self.scopes(cluster.as_ref(), services))
            .collect();
        // Until it is known which services are mirrors, other clusters' feeds may be needed still.
        let unsure = self.is_unsure(now);
        for feed in &mut self.feeds {
            feed.wanted = scopes.contains(&feed.scope) || (unsure && !feed.is_ours());
        }
        let mut start = Vec::new();
        for scope in scopes {
            if !self.feeds.iter().any(|feed| feed.scope == scope) {
                self.next += 1;
                let id = SliceWatchId(self.next);
                start.push((id, scope.clone()));
                self.feeds.push(SliceWatch::new(id, scope, now));
            }
        }
        WatchChanges {
            start,
            stop: self.retire(now),
        }
    }

    fn is_unsure(&self, now: Duration) -> bool {
        self.feeds
            .iter()
            .any(|feed| feed.is_ours() && feed.mirrors_trust(now) == WatchHealth::NotYet)
    }

    /// The clusters that the mirrors among the services stand for, as of the last plan; none while it is not known
    /// which are mirrors.
    pub fn mirrored(&self, now: Duration) -> Option<Vec<&str>> {
        (!self.is_unsure(now)).then(|| self.behind.clusters())
    }

    /// Forgets everything; gives the feeds to stop.
    pub fn clear(&mut self) -> Vec<SliceWatchId> {
        self.existence.clear();
        self.refreshed.clear();
        self.feeds.drain(..).map(|feed| feed.id).collect()
    }

    /// These services with those behind the mirrors among them, by cluster.
    fn places(&mut self, services: ServiceNames) -> BTreeMap<Option<String>, ServiceNames> {
        let mut behind = MirrorIndex::default();
        if !self.asked.nobody() {
            for service in refs(&services) {
                if let Some(mirror) = self.mirror(&service) {
                    behind.add(&service, mirror, &self.asked);
                }
            }
        }
        self.behind = behind;
        let is_wanted = |service: &ServiceRef| {
            services
                .get(&service.namespace)
                .is_some_and(|names| names.contains(&service.name))
        };
        self.existence.retain(|service, _| is_wanted(service));
        let mut places = BTreeMap::from([(None, services)]);
        for (cluster, service) in self.behind.services() {
            want(places.entry(cluster.clone()).or_default(), service);
        }
        places
    }

    fn scopes(&self, cluster: Option<&String>, services: &ServiceNames) -> Vec<SliceScope> {
        let cluster = cluster.cloned();
        if services.len() > MOST_NAMESPACES && !self.confined.contains(&cluster) {
            return vec![SliceScope {
                cluster,
                namespace: None,
                services: None,
            }];
        }
        let scope = |(namespace, names): (&String, &BTreeSet<String>)| SliceScope {
            cluster: cluster.clone(),
            namespace: Some(namespace.clone()),
            services: selector(names).map(|_| names.clone()),
        };
        services.iter().map(scope).collect()
    }

    /// Drops feeds that nobody needs: not wanted, and what replaces them serves.
    fn retire(&mut self, now: Duration) -> Vec<SliceWatchId> {
        let pending: Vec<SliceScope> = self
            .feeds
            .iter()
            .filter(|feed| feed.wanted && !feed.serves(now))
            .map(|feed| feed.scope.clone())
            .collect();
        let stands_in =
            |feed: &SliceWatch| feed.listed && pending.iter().any(|scope| scope.meets(&feed.scope));
        let needed = |feed: &SliceWatch| feed.wanted || stands_in(feed);
        let gone = self
            .feeds
            .iter()
            .filter(|feed| !needed(feed))
            .map(|feed| feed.id)
            .collect();
        self.feeds.retain(needed);
        gone
    }

    /// Has the watches planned anew where that may change something.
    fn revise(&mut self) {
        let is_changing = self.feeds.iter().any(|feed| !feed.wanted);
        self.revision += u64::from(is_changing || !self.asked.nobody());
    }

    /// Takes in what a slices' watch told; gives the services whose readiness may have changed (none: all that
    /// the feed covers) and the feeds to stop.
    pub fn slices(
        &mut self,
        id: SliceWatchId,
        event: Event<Slice>,
        now: Duration,
    ) -> (Affected, Vec<SliceWatchId>) {
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.id == id) else {
            return (Affected::Nothing, Vec::new());
        };
        let touched = match event {
            Event::Listed(slices) => {
                feed.list(SliceIndex::of(slices), now);
                Affected::Scope(feed.scope.clone())
            }
            Event::Applied(slice) => {
                feed.told(now);
                Affected::Services(feed.index.apply(&slice))
            }
            Event::Deleted(slice) => {
                feed.told(now);
                Affected::Services(feed.index.delete(&slice))
            }
            Event::Alive => {
                feed.heard(now);
                Affected::Nothing
            }
            Event::Failed(error) => {
                feed.failed(&error);
                if error.is_forbidden() && feed.scope.namespace.is_none() {
                    self.revision += u64::from(self.confined.insert(feed.scope.cluster.clone()));
                }
                Affected::Nothing
            }
        };
        let cluster = feed.scope.cluster.clone();
        let stop = if matches!(touched, Affected::Scope(_)) {
            self.retire(now)
        } else {
            Vec::new()
        };
        (self.behind.touched(cluster.as_deref(), touched), stop)
    }

    /// Takes in that the cluster of a feed can't be asked; gives what may have changed by it.
    pub fn no_access(&mut self, id: SliceWatchId, why: WhyUnknown) -> Affected {
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.id == id) else {
            return Affected::Nothing;
        };
        feed.no_access(why);
        self.behind.touched(
            feed.scope.cluster.as_deref(),
            Affected::Scope(feed.scope.clone()),
        )
    }

    /// Another number than before: the watches have to be planned anew.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Takes in what a mirror services' watch told; gives what may have changed by it.
    pub fn mirrors(&mut self, id: SliceWatchId, event: Event<Service>) -> Affected {
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.id == id) else {
            return Affected::Nothing;
        };
        let touched = match event {
            Event::Listed(services) => {
                feed.mirrors.list(services, &self.asked);
                Affected::Scope(feed.scope.clone())
            }
            Event::Applied(service) => {
                self.existence.remove(&service.at);
                if feed.mirrors.apply(&service, &self.asked) {
                    Affected::Services(vec![service.at])
                } else {
                    Affected::Nothing
                }
            }
            Event::Deleted(service) => {
                self.existence.remove(&service.at);
                feed.mirrors.delete(&service.at);
                Affected::Services(vec![service.at])
            }
            Event::Alive => {
                feed.mirrors.heard();
                Affected::Nothing
            }
            Event::Failed(error) => {
                feed.mirrors.failed(&error);
                Affected::Nothing
            }
        };
        if touched != Affected::Nothing {
            self.revise();
        }
        touched
    }

    /// Puts a list of the slices of these services, which was asked for at `asked`, in the place of what was known, but
    /// not of what a watch has told since; gives what has changed by it.
    pub fn refresh(
        &mut self,
        place: &RemoteNamespace,
        slices: &[Slice],
        asked: Duration,
        now: Duration,
    ) -> Affected {
        let services: HashSet<ServiceRef> = place.services().collect();
        let mut changed = BTreeSet::new();
        let cluster = place.cluster.as_deref();
        let covers = |feed: &SliceWatch| {
            services
                .iter()
                .any(|service| feed.scope.covers(cluster, service))
        };
        for feed in self
            .feeds
            .iter_mut()
            .filter(|feed| covers(feed) && !feed.has_told_since(asked))
        {
            changed.extend(feed.index.refresh(&services, slices));
        }
        self.refreshed
            .retain(|_, at| now.saturating_sub(*at) <= FRESH);
        self.refreshed.extend(
            services
                .into_iter()
                .map(|service| ((place.cluster.clone(), service), now)),
        );
        self.behind
            .touched(cluster, Affected::Services(changed.into_iter().collect()))
    }

    /// Takes in that no fresh list could be had of this place in another cluster: nothing more is known by the watches
    /// that have not been heard lately, of this place or, where there was no answer at all, of the whole cluster. Gives
    /// what may have changed by it.
    pub fn doubt(
        &mut self,
        place: &RemoteNamespace,
        error: &RequestError,
        now: Duration,
    ) -> Vec<Affected> {
        let cluster = place.cluster.as_deref();
        let is_meant = |feed: &SliceWatch| {
            let covers = |service: ServiceRef| feed.scope.covers(cluster, &service);
            let speaks_of_it = error.code().is_none() || place.services().any(covers);
            feed.scope.cluster == place.cluster && speaks_of_it && !feed.is_fresh(now)
        };
        let mut touched = Vec::new();
        for feed in self.feeds.iter_mut().filter(|feed| is_meant(feed)) {
            feed.doubt(error);
            touched.push(
                self.behind
                    .touched(cluster, Affected::Scope(feed.scope.clone())),
            );
        }
        touched
    }

    /// Notes whether a Service exists, if that could be found out; tells whether that is news.
    pub fn exists(&mut self, service: &ServiceRef, found: Option<bool>, now: Duration) -> bool {
        let (Some(found), Some(known)) = (found, self.existence.get_mut(service)) else {
            return false;
        };
        let existence = if found {
            ServiceExistence::Exists
        } else {
            ServiceExistence::Missing
        };
        std::mem::replace(known, (existence, now)).0 != existence
    }

    /// Whether a Service, without slices, should be looked up now.
    pub fn must_ask(&mut self, service: &ServiceRef, now: Duration) -> bool {
        let is_due = self
            .existence
            .get(service)
            .is_none_or(|(_, asked)| is_old(*asked, now));
        if !is_due || self.counts(service, now).is_some() {
            return false;
        }
        self.existence
            .entry(service.clone())
            .or_insert((ServiceExistence::Asked, now))
            .1 = now;
        true
    }

    /// The Services, without slices, of which it has to be asked again whether they exist.
    pub fn services_due(&mut self, now: Duration) -> Vec<ServiceRef> {
        let due = self
            .existence
            .iter()
            .filter(|(_, (_, asked))| is_old(*asked, now));
        let due: Vec<ServiceRef> = due.map(|(service, _)| service.clone()).collect();
        due.into_iter()
            .filter(|service| self.must_ask(service, now))
            .collect()
    }

    /// What is concerned where trust has changed since the last call.
    pub fn trust_changes(&mut self, now: Duration) -> Vec<Affected> {
        let changed: Vec<SliceScope> = self
            .feeds
            .iter_mut()
            .filter_map(|feed| feed.trust_changed(now).then(|| feed.scope.clone()))
            .collect();
        if !changed.is_empty() {
            self.revise();
        }
        let touched = |scope: SliceScope| {
            self.behind
                .touched(scope.cluster.clone().as_deref(), Affected::Scope(scope))
        };
        changed.into_iter().map(touched).collect()
    }

    pub(crate) fn counts(&self, service: &ServiceRef, now: Duration) -> Option<(u32, u32)> {
        self.best(None, service, now)?.index.counts(service)
    }

    /// What a service of ours stands for, if it is a mirror of which its slices do not say all.
    pub(crate) fn mirror(&self, service: &ServiceRef) -> Option<&Mirror> {
        let covering = self
            .feeds
            .iter()
            .rev()
            .filter(|feed| feed.scope.covers(None, service));
        covering.filter_map(|feed| feed.mirrors.get(service)).next()
    }

    /// The feed that knows most: one that serves before one that does not yet, then the newest.
    pub(crate) fn best(
        &self,
        cluster: Option<&str>,
        service: &ServiceRef,
        now: Duration,
    ) -> Option<&SliceWatch> {
        let covering = self
            .feeds
            .iter()
            .filter(|feed| feed.scope.covers(cluster, service));
        covering.max_by_key(|feed| {
            (
                feed.trust(now) == WatchHealth::Known,
                feed.serves(now),
                feed.id,
            )
        })
    }
}

fn is_old(asked: Duration, now: Duration) -> bool {
    now.saturating_sub(asked) >= EXISTENCE_LIFETIME
}

fn refs(services: &ServiceNames) -> impl Iterator<Item = ServiceRef> {
    services.iter().flat_map(|(namespace, names)| {
        names
            .iter()
            .map(move |name| ServiceRef::new(namespace, name))
    })
}

/// What an event may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Affected {
    Nothing,
    Services(Vec<ServiceRef>),
    Scope(SliceScope),
}
