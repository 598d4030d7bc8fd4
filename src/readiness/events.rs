//! Applies events, lists and look-ups to the cache, and returns the affected backends.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use super::cache::ReadinessCache;
use super::health::why_unknown;
use super::scope::{Affected, RelistRequest, SliceScope, SliceWatchId};
use super::service_store::ServiceEntry;
use super::slice_watch::SliceWatch;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::services::Service;
use crate::cluster::api::slice_index::SliceIndex;
use crate::cluster::listwatch::freshness::is_fresh;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::transport::error::Cause;
use crate::cluster::{RequestError, RequestResult};
use crate::model::ReadinessSource;
use crate::model::{ServiceRef, WhyUnknown};

impl ReadinessCache {
    /// Handles an event of a watch of slices. Returns the affected backends, and the watches to
    /// stop.
    pub fn slice_event(
        &mut self,
        id: SliceWatchId,
        event: Event<Slice>,
        now: Duration,
    ) -> (Affected, Vec<SliceWatchId>) {
        let Some(watch) = self.watches.get_mut(id) else {
            return (Affected::Nothing, Vec::new());
        };
        let cluster = watch.scope.cluster.clone();
        let affected = match event {
            Event::Listed(slices) => {
                watch.list(SliceIndex::of(slices), now);
                Affected::Scope(watch.scope.clone())
            }
            Event::Applied(slice) => {
                watch.slice_heard(now);
                Affected::Services(watch.index.apply(&slice))
            }
            Event::Deleted(slice) => {
                watch.slice_heard(now);
                Affected::Services(watch.index.delete(&slice))
            }
            Event::Alive => {
                watch.heard(now);
                Affected::Nothing
            }
            Event::SlowList => {
                let scope = watch.scope.clone();
                self.watch_by_namespace(&scope);
                Affected::Nothing
            }
            Event::Failed(error) => {
                watch.failed(&error);
                let scope = watch.scope.clone();
                self.watch_by_namespace_where_refused(&scope, &error);
                Affected::Nothing
            }
        };
        self.watch_whole_cluster_again(id, now);
        let stop = match affected {
            // The next plan starts the deferred scopes, and retires watches.
            Affected::Scope(_) if self.deferred_until.is_some() => {
                self.revision += 1;
                Vec::new()
            }
            Affected::Scope(_) => self.retire(now),
            Affected::Services(_) | Affected::Nothing => Vec::new(),
        };
        self.end_wait(id, now);
        (self.affected_backends(cluster.as_deref(), affected), stop)
    }

    /// Handles an event of a watch of Services. Returns the affected backends.
    pub fn service_event(
        &mut self,
        id: SliceWatchId,
        event: Event<Service>,
        now: Duration,
    ) -> Affected {
        let Some(watch) = self.watches.get_mut(id) else {
            return Affected::Nothing;
        };
        let (scope, remotes) = (&watch.scope, &self.remotes);
        let affected = match event {
            Event::Listed(services) => {
                let wanted = services.into_iter().filter(|it| scope.covers(None, &it.at));
                watch.services.list(wanted, true, remotes, now);
                Affected::Scope(scope.clone())
            }
            Event::Applied(service) | Event::Deleted(service)
                if !scope.covers(None, &service.at) =>
            {
                watch.services.heard(now);
                Affected::Nothing
            }
            Event::Applied(service) => {
                let at = service.at.clone();
                if watch.services.apply(service, remotes, now) {
                    Affected::Services(vec![at])
                } else {
                    Affected::Nothing
                }
            }
            Event::Deleted(service) => {
                watch.services.delete(&service.at, now);
                Affected::Services(vec![service.at])
            }
            Event::Alive => {
                watch.services.heard(now);
                Affected::Nothing
            }
            Event::SlowList => {
                let scope = scope.clone();
                self.watch_by_namespace(&scope);
                Affected::Nothing
            }
            Event::Failed(error) => {
                watch.services.failed(&error);
                let scope = scope.clone();
                self.watch_by_namespace_where_refused(&scope, &error);
                Affected::Nothing
            }
        };
        self.watch_whole_cluster_again(id, now);
        if affected != Affected::Nothing {
            self.request_plan();
        }
        self.end_wait(id, now);
        affected
    }

    fn end_wait(&mut self, id: SliceWatchId, now: Duration) {
        if let Some(watch) = self.watches.get(id)
            && watch.serves(now)
        {
            self.first_lists.listed(&watch.scope);
        }
    }

    /// Records a list of the mirror Services only.
    pub fn mirrors_listed(
        &mut self,
        id: SliceWatchId,
        listed: RequestResult<Vec<Service>>,
        now: Duration,
    ) {
        let Some(watch) = self.watches.get_mut(id) else {
            return;
        };
        match listed {
            Ok(mirrors) => {
                watch.services.list(mirrors, false, &self.remotes, now);
                self.request_plan();
            }
            Err(error) => {
                watch.services.failed(&error);
                let scope = watch.scope.clone();
                self.watch_by_namespace_where_refused(&scope, &error);
            }
        }
    }

    /// Falls back to one watch for each namespace: a user who is not allowed to list the whole
    /// cluster may be allowed to list each namespace, and a list that is too large for the whole
    /// cluster may be small for most namespaces.
    fn watch_by_namespace_where_refused(&mut self, scope: &SliceScope, error: &RequestError) {
        if error.is_forbidden() || matches!(error.cause, Cause::Unreadable { .. }) {
            self.watch_by_namespace(scope);
        }
    }

    /// Watches each namespace beside the whole cluster, until the watch of the whole cluster works.
    fn watch_by_namespace(&mut self, scope: &SliceScope) {
        if scope.namespace.is_none() {
            let is_news = self.namespaced_only.insert(scope.cluster.clone());
            self.revision += u64::from(is_news);
        }
    }

    /// Ends the watches of each namespace if this watch of the whole cluster has listed.
    fn watch_whole_cluster_again(&mut self, id: SliceWatchId, now: Duration) {
        if let Some(watch) = self.watches.get(id)
            && watch.is_trusted(now)
            && watch.scope.namespace.is_none()
            && self.namespaced_only.remove(&watch.scope.cluster)
        {
            self.revision += 1;
        }
    }

    /// Records that the cluster of a watch cannot be reached. Returns the affected backends.
    pub fn no_access(&mut self, id: SliceWatchId, why: WhyUnknown) -> Affected {
        let Some(watch) = self.watches.get_mut(id) else {
            return Affected::Nothing;
        };
        watch.no_access(why);
        let scope = watch.scope.clone();
        self.affected_backends(scope.cluster.clone().as_deref(), Affected::Scope(scope))
    }

    /// Records a list of these services' slices that was requested at `requested`. It replaces
    /// older reports, but not those that a watch has made since. Returns the affected backends.
    pub fn relisted(
        &mut self,
        place: &RelistRequest,
        slices: &[Slice],
        requested: Duration,
        now: Duration,
    ) -> Affected {
        let services: HashSet<ServiceRef> = place.services().collect();
        let mut changed = BTreeSet::new();
        let cluster = place.cluster.as_deref();
        let is_older = |watch: &&mut SliceWatch| {
            let covers = |service| watch.scope.covers(cluster, service);
            services.iter().any(covers) && !watch.has_heard_slice_since(requested)
        };
        for watch in self.watches.iter_mut().filter(is_older) {
            changed.extend(watch.index.refresh(&services, slices));
        }
        self.relisted.retain(|_, at| is_fresh(*at, now));
        let located = |service| (place.cluster.clone(), service);
        self.relisted
            .extend(services.into_iter().map(|service| (located(service), now)));
        self.affected_backends(cluster, Affected::Services(changed.into_iter().collect()))
    }

    /// Records that a list of another cluster's slices failed. Distrusts the watches of this place
    /// until their next event, unless they were recently active. If the cluster did not respond,
    /// distrusts all its watches. Returns the affected backends.
    pub fn relist_failed(
        &mut self,
        place: &RelistRequest,
        error: &RequestError,
        now: Duration,
    ) -> Vec<Affected> {
        let cluster = place.cluster.as_deref();
        let mut scopes = Vec::new();
        for watch in self.watches.iter_mut() {
            let covers = |service: ServiceRef| watch.scope.covers(cluster, &service);
            let is_meant = watch.scope.cluster == place.cluster
                && (error.code().is_none() || place.services().any(covers));
            if is_meant && !watch.is_fresh(now) {
                watch.distrust(error);
                scopes.push(watch.scope.clone());
            }
        }
        let affected = |scope| self.affected_backends(cluster, Affected::Scope(scope));
        scopes.into_iter().map(affected).collect()
    }

    /// Returns the backends of watches whose health has changed since the last call, and those
    /// whose first list became overdue, or that are not read.
    pub fn health_changes(&mut self, now: Duration) -> Vec<Affected> {
        let changed: Vec<SliceScope> = self
            .watches
            .iter_mut()
            .filter_map(|watch| watch.health_changed(now).then(|| watch.scope.clone()))
            .collect();
        let overdue = self.first_lists.take_overdue(now);
        let is_due = self.deferred_until.is_some_and(|until| now > until);
        if !changed.is_empty() || is_due {
            self.request_plan();
        }
        let affected = |scope: SliceScope| {
            self.affected_backends(scope.cluster.clone().as_deref(), Affected::Scope(scope))
        };
        let mut affected: Vec<Affected> = changed.into_iter().map(affected).collect();
        let mirrors = std::mem::take(&mut self.changed_mirrors);
        affected.push(Affected::Services(mirrors));
        affected.extend(overdue.into_iter().map(|(cluster, service)| {
            self.affected_backends(cluster.as_deref(), Affected::Services(vec![service]))
        }));
        affected
    }

    /// Returns the backends that a change in a cluster affects. For another cluster, these are the
    /// mirrors of the changed services.
    pub fn affected_backends(&self, cluster: Option<&str>, affected: Affected) -> Affected {
        self.mirror_index.affected(cluster, affected)
    }

    /// Records a Service that was read by its name.
    pub fn service_read(
        &mut self,
        service: &ServiceRef,
        found: &RequestResult<Option<Service>>,
        now: Duration,
    ) {
        let covering = self.watches.covering(None, service);
        let covering: Vec<_> = covering.map(|watch| watch.id).collect();
        for id in covering {
            let Some(watch) = self.watches.get_mut(id) else {
                continue;
            };
            match found {
                Ok(Some(found)) => {
                    watch.services.apply(found.clone(), &self.remotes, now);
                }
                Ok(None) => {
                    watch
                        .services
                        .insert(service.clone(), ServiceEntry::Missing);
                }
                Err(error) => {
                    let why = why_unknown(ReadinessSource::Service, error);
                    watch
                        .services
                        .insert(service.clone(), ServiceEntry::Unread(why));
                }
            }
        }
    }
}
