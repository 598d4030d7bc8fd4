//! Handles reports from watches and Leases, and marks the affected groups dirty.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use super::core::Engine;
use super::effect::Effect;
use super::group_state::{GroupState, MoveCause};
use super::index::IndexKeys;
use super::leases::LeaseState;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::watch_event::Event;
use crate::model::{Backend, GroupId, Notice, ServiceRef, WhyUnknown};
use crate::readiness::scope::{Affected, SliceWatchId};
use crate::resource::Record;

impl Engine {
    /// Handles an event of the watch of one kind of groups.
    pub fn group_event(&mut self, kind: &'static str, event: Event<Record>, now: Duration) {
        match event {
            Event::Listed(records) => {
                let listed: HashSet<GroupId> = records.iter().map(Record::id).collect();
                let is_gone = |id: &&GroupId| id.kind == kind && !listed.contains(id);
                let known = self.groups.keys().chain(self.outsiders.ids());
                let gone: Vec<GroupId> = known.filter(is_gone).cloned().collect();
                gone.iter().for_each(|id| self.forget(id, now));
                records
                    .into_iter()
                    .for_each(|record| self.learn(record, now));
            }
            Event::Applied(record) => self.learn(record, now),
            Event::Deleted(record) => self.forget(&record.id(), now),
            Event::Alive | Event::SlowList | Event::Failed(_) => {}
        }
    }

    /// Handles an event of a watch of EndpointSlices.
    pub fn slice_event(&mut self, watch: SliceWatchId, event: Event<Slice>, now: Duration) {
        let revision = self.cache.revision();
        let (affected, stop) = self.cache.slice_event(watch, event, now);
        self.effects.extend(stop.into_iter().map(Effect::StopWatch));
        self.replan |= self.cache.revision() != revision;
        self.mark_affected_dirty(&affected, MoveCause::Readiness, now);
    }

    /// Returns whether each namespace is watched in place of this watch of a whole cluster.
    pub fn is_watched_by_namespace(&self, watch: SliceWatchId) -> bool {
        self.cache.is_watched_by_namespace(watch)
    }

    /// Handles that the cluster of a watch cannot be reached.
    pub fn no_access(&mut self, watch: SliceWatchId, why: WhyUnknown, now: Duration) {
        let affected = self.cache.no_access(watch, why);
        self.mark_affected_dirty(&affected, MoveCause::Timer, now);
    }

    /// Handles an event of a watch of Services.
    pub fn service_event(&mut self, watch: SliceWatchId, event: Event<Service>, now: Duration) {
        let revision = self.cache.revision();
        let affected = self.cache.service_event(watch, event, now);
        self.replan |= self.cache.revision() != revision;
        self.mark_affected_dirty(&affected, MoveCause::Group, now);
    }

    /// Handles a new state of a namespace's Lease.
    pub fn lease_event(&mut self, namespace: &str, state: LeaseState, now: Duration) {
        let (unblocked, notice) = self.leases.learn(namespace, state);
        self.effects.extend(notice.map(Effect::Report));
        for id in unblocked {
            self.mark_dirty(&id, MoveCause::Timer, now);
        }
    }

    /// Handles a group's object from a watch.
    pub(super) fn learn(&mut self, record: Record, now: Duration) {
        self.report_others(&record, now);
        self.adopt(record, None, now);
    }

    /// Handles a group's object from the answer to a write.
    pub(super) fn learn_written(&mut self, record: Record, now: Duration) {
        self.adopt(record, None, now);
    }

    /// Handles a group's object from a read. `known_version` was known when the read started.
    pub(super) fn learn_read(&mut self, record: Record, known_version: &str, now: Duration) {
        self.adopt(record, Some(known_version), now);
    }

    fn adopt(&mut self, record: Record, read_at: Option<&str>, now: Duration) {
        let id = record.id();
        if !self.options.selector.matches(&record.meta.labels) {
            return self.learn_outsider(&record, now);
        }
        self.forget_outsider(&id, now);
        let is_standby = self.leases.is_run_by_other(&id.namespace);
        let (before, after) = match self.groups.get_mut(&id) {
            Some(group) => {
                let before = IndexKeys::of(group.record());
                let moved = |group: &GroupState| {
                    let last = is_standby.then(|| group.record().meta.last_move());
                    last.flatten().map(|last| last.at)
                };
                let last_move = moved(group);
                match read_at {
                    Some(known_version) => group.adopt_read(record, known_version),
                    None => group.adopt_watched(record),
                }
                // A copy of an older note is not a move.
                if moved(group) > last_move {
                    group.holder_wrote();
                }
                let after = IndexKeys::of(group.record());
                let swap = backends_changed(group.record(), &before, &after);
                self.effects.extend(swap.map(Effect::Report));
                (before, after)
            }
            None => {
                let after = IndexKeys::of(&record);
                self.groups
                    .insert(id.clone(), Box::new(GroupState::new(record)));
                (IndexKeys::default(), after)
            }
        };
        if before != after {
            self.reindex(&id, &before, &after, now);
        }
        self.mark_dirty(&id, MoveCause::Group, now);
        self.check_uncertain_writes(&id, now);
    }

    /// Reports what others did to a group, as a newer version of its object shows.
    pub(super) fn report_others(&mut self, record: &Record, now: Duration) {
        let id = record.id();
        let Some(seen) = self.server_time(now).filter(|_| self.reports_on(&id)) else {
            return;
        };
        let group = self.groups.get(&id);
        let events = group.map(|group| group.done_by_others(record, seen));
        for event in events.into_iter().flatten() {
            self.report(Notice::Observed(event));
        }
    }

    /// Handles an object that the selector leaves out.
    fn learn_outsider(&mut self, record: &Record, now: Duration) {
        self.forget(&record.id(), now);
        for apex in self.outsiders.learn(record) {
            self.mark_sharing_dirty(&apex, now);
        }
    }

    fn forget_outsider(&mut self, id: &GroupId, now: Duration) {
        if let Some(apex) = self.outsiders.forget(id) {
            self.mark_sharing_dirty(&apex, now);
        }
    }

    fn mark_sharing_dirty(&mut self, apex: &ServiceRef, now: Duration) {
        for id in self.index.sharing(apex).to_vec() {
            self.mark_dirty(&id, MoveCause::Group, now);
        }
    }

    pub(super) fn forget(&mut self, id: &GroupId, now: Duration) {
        self.forget_outsider(id, now);
        if let Some(mut group) = self.groups.remove(id) {
            self.touched.push(id.clone());
            self.contested.remove(id);
            self.counts.change(group.state(), None);
            let was_exposed = group.reported().is_exposed();
            self.counts.change_exposed(was_exposed, false);
            self.requeue.remove(id);
            self.limiter.settled(id);
            self.others.take_back(id);
            self.reindex(
                id,
                &IndexKeys::of(group.record()),
                &IndexKeys::default(),
                now,
            );
            let carrying = group
                .record()
                .group
                .iter()
                .flat_map(|group| &group.backends);
            let carrying = carrying.filter(|backend| backend.weight > 0);
            self.report(Notice::Gone {
                group: id.clone(),
                active: carrying.map(|backend| backend.name.clone()).collect(),
                fate: None,
            });
        }
    }

    fn reindex(&mut self, id: &GroupId, before: &IndexKeys, after: &IndexKeys, now: Duration) {
        self.replan |= before.backends != after.backends;
        for rival in self.index.update(id, before, after) {
            self.mark_dirty(&rival, MoveCause::Group, now);
        }
    }

    /// Marks a group dirty, so that the next turn decides on it.
    pub(super) fn mark_dirty(&mut self, id: &GroupId, cause: MoveCause, now: Duration) {
        if let Some(group) = self.groups.get_mut(id)
            && group.mark_dirty(cause, now)
        {
            self.queue.push(id.clone());
        }
    }

    pub(super) fn mark_affected_dirty(
        &mut self,
        affected: &Affected,
        cause: MoveCause,
        now: Duration,
    ) {
        match affected {
            Affected::Nothing => {}
            Affected::Services(services) => services
                .iter()
                .for_each(|service| self.mark_service_dirty(service, cause, now)),
            Affected::Scope(scope) => {
                for id in self.index.groups_within(scope) {
                    self.mark_dirty(&id, cause, now);
                }
            }
        }
    }

    pub(super) fn mark_service_dirty(
        &mut self,
        service: &ServiceRef,
        cause: MoveCause,
        now: Duration,
    ) {
        for id in self.index.groups_of(service).to_vec() {
            self.mark_dirty(&id, cause, now);
        }
    }
}

/// Returns the notice that another writer has replaced backends. An object that is not a valid
/// group has no backends.
fn backends_changed(record: &Record, before: &IndexKeys, after: &IndexKeys) -> Option<Notice> {
    let (before, after) = (&before.backends, &after.backends);
    if before == after || before.is_empty() || after.is_empty() {
        return None;
    }
    let id = record.id();
    let names = |services: &BTreeSet<ServiceRef>, others: &BTreeSet<ServiceRef>| {
        let missing = services.difference(others).cloned();
        missing
            .map(|service| Backend::new(&id.namespace, service, 0).name)
            .collect()
    };
    Some(Notice::BackendsChanged {
        by: record.last_editor().unwrap_or("someone").to_owned(),
        removed: names(before, after),
        added: names(after, before),
        group: id,
    })
}
