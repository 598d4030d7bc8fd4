//! What the watches tell, and which groups it concerns.

use std::collections::HashSet;
use std::time::Duration;

use super::core::{Effect, Engine};
use super::group_state::{GroupState, MoveCause};
use super::index::Places;
use super::leases::LeaseState;
use crate::cluster::RequestResult;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::watch::Event;
use crate::model::{GroupId, Notice, ServiceRef, WhyUnknown};
use crate::readiness::scope::Affected;
use crate::readiness::scope::{SliceScope, SliceWatchId};
use crate::resource::Record;

impl Engine {
    /// Takes in what a watch of groups of one kind, `kind`, told.
    pub fn groups(&mut self, kind: &'static str, event: Event<Record>, now: Duration) {
        match event {
            Event::Listed(records) => {
                let listed: HashSet<GroupId> = records.iter().map(Record::id).collect();
                let gone: Vec<GroupId> = self
                    .groups
                    .keys()
                    .filter(|id| id.kind == kind && !listed.contains(id))
                    .cloned()
                    .collect();
                for id in gone {
                    self.forget(&id, now);
                }
                for record in records {
                    self.learn(record, now);
                }
            }
            Event::Applied(record) => self.learn(record, now),
            Event::Deleted(record) => self.forget(&record.id(), now),
            Event::Alive | Event::Failed(_) => {}
        }
    }

    /// Takes in what a watch of slices told.
    pub fn slices(&mut self, feed: SliceWatchId, event: Event<Slice>, now: Duration) {
        let revision = self.feeds.revision();
        let (touched, stop) = self.feeds.slice_event(feed, event, now);
        self.effects.extend(stop.into_iter().map(Effect::StopFeed));
        self.replan |= self.feeds.revision() != revision;
        self.touch_all(&touched, MoveCause::Readiness, now);
    }

    /// Takes in that the cluster of a watch can't be asked.
    pub fn no_access(&mut self, feed: SliceWatchId, why: WhyUnknown, now: Duration) {
        let touched = self.feeds.no_access(feed, why);
        self.touch_all(&touched, MoveCause::Timer, now);
    }

    /// Takes in what a watch of mirror services told.
    pub fn mirrors(&mut self, feed: SliceWatchId, event: Event<Service>, now: Duration) {
        let revision = self.feeds.revision();
        let touched = self.feeds.mirror_event(feed, event);
        self.replan |= self.feeds.revision() != revision;
        self.touch_all(&touched, MoveCause::Group, now);
    }

    /// Takes in what has become of a namespace's Lease.
    pub fn lease(&mut self, namespace: &str, standing: LeaseState, now: Duration) {
        let (freed, notice) = self.leases.learn(namespace, standing);
        self.effects.extend(notice.map(Effect::Say));
        for id in freed {
            self.touch(&id, MoveCause::Timer, now);
        }
    }

    /// Takes in whether a Service exists.
    pub fn looked_up(&mut self, service: ServiceRef, found: RequestResult<bool>, now: Duration) {
        if self.feeds.looked_up(&service, found.ok(), now) {
            self.touch_service(&service, MoveCause::Group, now);
        }
    }

    /// Takes in a group's object as it was told.
    pub(crate) fn learn(&mut self, record: Record, now: Duration) {
        self.take_in(record, None, now);
    }

    /// Takes in a group's object as it was read, when this version was known of it.
    pub(crate) fn learn_read(&mut self, record: Record, known: &str, now: Duration) {
        self.take_in(record, Some(known), now);
    }

    fn take_in(&mut self, record: Record, read_at: Option<&str>, now: Duration) {
        let id = record.id();
        let before = self
            .groups
            .get(&id)
            .map(|tracked| Places::of(&tracked.record));
        match self.groups.get_mut(&id) {
            Some(tracked) => match read_at {
                Some(known) => tracked.adopt_read(record, known),
                None => tracked.adopt(record),
            },
            None => {
                self.groups
                    .insert(id.clone(), Box::new(GroupState::new(record)));
            }
        }
        let after = self
            .groups
            .get(&id)
            .map(|tracked| Places::of(&tracked.record))
            .unwrap_or_default();
        if before.as_ref() != Some(&after) {
            self.reindex(&id, &before.unwrap_or_default(), &after, now);
        }
        self.touch(&id, MoveCause::Group, now);
        self.resolve_doubt(&id, now);
    }

    pub(crate) fn forget(&mut self, id: &GroupId, now: Duration) {
        if let Some(mut tracked) = self.groups.remove(id) {
            self.census.change(&mut tracked.counted, None);
            self.alarms.forget(id);
            self.brake.settled(id);
            self.reindex(id, &Places::of(&tracked.record), &Places::default(), now);
            self.say(Notice::Gone { group: id.clone() });
        }
    }

    fn reindex(&mut self, id: &GroupId, before: &Places, after: &Places, now: Duration) {
        self.replan |= before.backends != after.backends;
        for rival in self.register.update(id, before, after) {
            self.touch(&rival, MoveCause::Group, now);
        }
    }

    pub(crate) fn touch(&mut self, id: &GroupId, cause: MoveCause, now: Duration) {
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        tracked.touch(cause, now);
        if !std::mem::replace(&mut tracked.queued, true) {
            self.queue.push(id.clone());
        }
    }

    pub(crate) fn touch_all(&mut self, touched: &Affected, cause: MoveCause, now: Duration) {
        match touched {
            Affected::Nothing => {}
            Affected::Services(services) => {
                services
                    .iter()
                    .for_each(|service| self.touch_service(service, cause, now));
            }
            Affected::Scope(scope) => self.touch_scope(scope, cause, now),
        }
    }

    fn touch_service(&mut self, service: &ServiceRef, cause: MoveCause, now: Duration) {
        for id in self.register.groups_of(service).to_vec() {
            self.touch(&id, cause, now);
        }
    }

    fn touch_scope(&mut self, scope: &SliceScope, cause: MoveCause, now: Duration) {
        for id in self.register.groups_within(scope) {
            self.touch(&id, cause, now);
        }
    }
}
