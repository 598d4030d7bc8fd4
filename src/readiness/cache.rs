//! The cache of readiness, like the store of an informer in client-go. It plans the watches that
//! the backends need, and stores their reports.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::backends::{self, ServiceNames};
use super::first_lists::FirstLists;
use super::health::WatchHealth;
use super::mirror_index::{LocatedService, MirrorIndex};
use super::scope::{SliceScope, SliceWatchId};
use super::slice_watch::SliceWatch;
use super::watch_table::WatchTable;
use crate::cluster::listwatch::list::MAX_NAMESPACED_LISTS;
use crate::cluster::remotes::named_remotes::NamedRemotes;
use crate::model::{Mirror, RemoteService, ServiceRef};

/// The known readiness of backends, from their slices and Services.
#[derive(Debug, Default)]
pub struct ReadinessCache {
    pub(super) watches: WatchTable,
    last_id: u64,
    /// The clusters whose cluster-wide watch is forbidden or slow. Each namespace is watched beside
    /// it, until it works. None: the groups' own cluster.
    pub(super) namespaced_only: HashSet<Option<String>>,
    /// The other clusters that may be asked.
    pub(super) remotes: NamedRemotes,
    /// The mirrors among the backends.
    pub(super) mirror_index: MirrorIndex,
    /// When services were last listed apart from the watches.
    pub(super) relisted: HashMap<LocatedService, Duration>,
    /// The services that wait for their first list.
    pub(super) first_lists: FirstLists,
    /// Mirrors whose services are not read any longer, or are read again, to report.
    pub(super) changed_mirrors: Vec<ServiceRef>,
    /// Scopes wait for watches that still list, at most until then.
    pub(super) deferred_until: Option<Duration>,
    pub(super) revision: u64,
}

/// Watches to start and to stop.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WatchChanges {
    pub start: Vec<(SliceWatchId, SliceScope)>,
    pub stop: Vec<SliceWatchId>,
}

impl ReadinessCache {
    pub fn new(remotes: NamedRemotes) -> Self {
        Self {
            remotes,
            ..Self::default()
        }
    }

    /// Plans the watches for these services and for the services behind their mirrors. The current
    /// watches serve until the new ones have listed. A watch that still lists for the first time is
    /// replaced when it has listed: who changes a scope again and again must not keep its other
    /// services unlisted.
    pub fn plan(&mut self, services: ServiceNames, now: Duration) -> WatchChanges {
        let services = self.by_cluster(services);
        self.wait_for_lists(&services, now);
        let scopes: Vec<SliceScope> = services
            .iter()
            .flat_map(|(cluster, services)| self.scopes(cluster.as_ref(), services))
            .collect();
        // Until all mirrors are known, the watches of other clusters may still be needed.
        let mirrors_pending = self.mirrors_pending(now);
        let wanted: HashSet<&SliceScope> = scopes.iter().collect();
        let is_wanted_whole =
            |watch: &&SliceWatch| watch.scope.namespace.is_none() && wanted.contains(&watch.scope);
        let whole = self.watches.iter().filter(is_wanted_whole);
        let served: HashSet<Option<String>> = whole
            .filter(|watch| watch.serves(now))
            .map(|watch| watch.scope.cluster.clone())
            .collect();
        let mut known = HashSet::new();
        let mut listing = HashSet::new();
        self.deferred_until = None;
        for watch in self.watches.iter_mut() {
            let is_wanted = wanted.contains(&watch.scope);
            let until = watch.lists_until(now).filter(|_| {
                !is_wanted
                    && !served.contains(&watch.scope.cluster)
                    && covers_any(&watch.scope, services.get(&watch.scope.cluster))
            });
            if let Some(until) = until {
                listing.insert(watch.scope.place());
                let earliest = self.deferred_until.map_or(until, |other| other.min(until));
                self.deferred_until = Some(earliest);
            }
            let is_retained = mirrors_pending && !watch.is_local();
            watch.wanted = is_wanted || until.is_some() || is_retained;
            known.insert(watch.scope.clone());
        }
        let mut start = Vec::new();
        for scope in scopes {
            if !known.contains(&scope) && !listing.contains(&scope.place()) {
                self.last_id += 1;
                let id = SliceWatchId(self.last_id);
                start.push((id, scope.clone()));
                self.watches.insert(SliceWatch::new(id, scope, now));
            }
        }
        WatchChanges {
            start,
            stop: self.retire(now),
        }
    }

    /// Records which of these services no watch has listed.
    fn wait_for_lists(&mut self, wanted: &BTreeMap<Option<String>, ServiceNames>, now: Duration) {
        let located = wanted.iter().flat_map(|(cluster, names)| {
            backends::services(names).map(move |service| (cluster.clone(), service))
        });
        let is_unlisted = |(cluster, service): &LocatedService| {
            let mut watches = self.watches.covering(cluster.as_deref(), service);
            !watches.any(|watch| watch.serves(now))
        };
        self.first_lists.plan(located.filter(is_unlisted), now);
    }

    /// Returns whether a namespace's mirrors are not listed yet.
    fn mirrors_pending(&self, now: Duration) -> bool {
        let is_pending = |watch: &SliceWatch| watch.services.health(now) == WatchHealth::Pending;
        let is_replaced = |watch: &SliceWatch| {
            if self.is_replaced_by_namespaces(watch) {
                return true;
            }
            let namespace = watch.scope.namespace.as_deref();
            let mut watches = self.watches.of_namespace(None, namespace);
            watches.any(|other| !is_pending(other))
        };
        let mut ours = self.watches.iter().filter(|watch| watch.is_local());
        ours.any(|watch| is_pending(watch) && !is_replaced(watch))
    }

    /// Returns the clusters whose services the backends mirror, as of the last plan. None until all
    /// mirrors are known.
    pub fn mirrored_clusters(&self, now: Duration) -> Option<Vec<&str>> {
        (!self.mirrors_pending(now)).then(|| self.mirror_index.clusters())
    }

    /// Returns the services of other clusters that may be asked and that the backends mirror, as of
    /// the last plan.
    pub fn mirrored_services(&self) -> impl Iterator<Item = RemoteService> {
        let services = self.mirror_index.services();
        services.filter_map(|(cluster, service)| {
            Some(RemoteService {
                cluster: cluster.clone()?,
                service: service.clone(),
            })
        })
    }

    /// Forgets everything. Returns the watches to stop.
    pub fn clear(&mut self) -> Vec<SliceWatchId> {
        self.relisted.clear();
        self.first_lists = FirstLists::default();
        self.watches.clear()
    }

    /// Adds the services behind the mirrors, and groups all services by cluster.
    fn by_cluster(&mut self, services: ServiceNames) -> BTreeMap<Option<String>, ServiceNames> {
        let mut index = MirrorIndex::default();
        if !self.remotes.is_empty() {
            for service in backends::services(&services) {
                if let Some(mirror) = self.mirror(&service) {
                    index.add(&service, mirror, &self.remotes);
                }
            }
        }
        for cluster in self.namespaced_only.iter().flatten() {
            index.limit_namespaces(cluster);
        }
        let refused = index.refused_since(&self.mirror_index);
        let accepted = self.mirror_index.refused_since(&index);
        self.changed_mirrors
            .extend(refused.into_iter().chain(accepted));
        self.mirror_index = index;
        let mut clusters = BTreeMap::from([(None, services)]);
        for (cluster, service) in self.mirror_index.services() {
            let names = clusters.entry(cluster.clone()).or_default();
            backends::insert(names, service);
        }
        clusters
    }

    fn scopes(&self, cluster: Option<&String>, services: &ServiceNames) -> Vec<SliceScope> {
        let is_namespaced_only = self.namespaced_only.contains(&cluster.cloned());
        // The namespaces of another cluster are limited to this number then.
        let are_many = services.len() > MAX_NAMESPACED_LISTS
            || (is_namespaced_only && services.len() == MAX_NAMESPACED_LISTS);
        let whole = are_many.then(|| SliceScope::whole_cluster(cluster));
        let each =
            (is_namespaced_only || !are_many).then(|| SliceScope::by_namespace(cluster, services));
        whole
            .into_iter()
            .chain(each.into_iter().flatten())
            .collect()
    }

    /// Returns whether each namespace is watched in place of this watch of a whole cluster.
    pub fn is_watched_by_namespace(&self, id: SliceWatchId) -> bool {
        let watch = self.watches.get(id);
        watch.is_some_and(|watch| self.is_replaced_by_namespaces(watch))
    }

    fn is_replaced_by_namespaces(&self, watch: &SliceWatch) -> bool {
        watch.scope.namespace.is_none() && self.namespaced_only.contains(&watch.scope.cluster)
    }

    /// Drops unwanted watches whose replacements serve.
    pub(super) fn retire(&mut self, now: Duration) -> Vec<SliceWatchId> {
        let pending: Vec<SliceScope> = self
            .watches
            .iter()
            .filter(|watch| watch.wanted && !watch.serves(now))
            .filter(|watch| !self.is_replaced_by_namespaces(watch))
            .map(|watch| watch.scope.clone())
            .collect();
        let stands_in = |watch: &SliceWatch| {
            let replaces = |scope: &SliceScope| scope.shares_namespace(&watch.scope);
            watch.is_listed() && pending.iter().any(replaces)
        };
        let watches = self.watches.iter();
        let retired = watches.filter(|watch| !(watch.wanted || stands_in(watch)));
        let retired: Vec<_> = retired.map(|watch| watch.id).collect();
        self.watches.remove(&retired);
        retired
    }

    /// Requests a new plan if it may differ from the last one.
    pub(super) fn request_plan(&mut self) {
        let is_changing =
            self.deferred_until.is_some() || self.watches.iter().any(|watch| !watch.wanted);
        self.revision += u64::from(is_changing || !self.remotes.is_empty());
    }

    /// Returns a number that increases when the watches have to be planned again.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns what a local service mirrors, if its own slices do not show its readiness.
    pub(super) fn mirror(&self, service: &ServiceRef) -> Option<&Mirror> {
        let watches = self.watches.covering(None, service);
        let known = watches.filter_map(|watch| Some((watch.id, watch.services.mirror(service)?)));
        let newest = known.max_by_key(|(id, _)| *id);
        newest.map(|(_, mirror)| mirror)
    }

    /// Returns the best watch: one that serves takes precedence, then the newest.
    pub(super) fn best(
        &self,
        cluster: Option<&str>,
        service: &ServiceRef,
        now: Duration,
    ) -> Option<&SliceWatch> {
        self.watches.covering(cluster, service).max_by_key(|watch| {
            let is_known = watch.health(now) == WatchHealth::Known;
            (is_known, watch.serves(now), watch.id)
        })
    }
}

/// Returns whether a scope covers one of these services of its cluster.
fn covers_any(scope: &SliceScope, services: Option<&ServiceNames>) -> bool {
    services.is_some_and(|services| match (&scope.namespace, &scope.services) {
        (None, _) => !services.is_empty(),
        (Some(namespace), names) => services.get(namespace).is_some_and(|wanted| {
            let is_covered = |name| names.as_ref().is_none_or(|names| names.contains(name));
            wanted.iter().any(is_covered)
        }),
    })
}
