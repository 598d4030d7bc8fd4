//! Handles the results of the engine's requests: writes, reads and look-ups.

use std::time::Duration;

use super::core::Engine;
use super::effect::Effect;
use super::group_state::MoveCause;
use super::pending::{PendingRead, PendingWrite, RejectedWrite};
use crate::cluster::RequestResult;
use crate::model::notice::Notice;
use crate::model::{AvoidEntry, GroupId};
use crate::resource::Record;

impl Engine {
    /// Handles the result of a write.
    pub fn written(
        &mut self,
        id: &GroupId,
        request: u64,
        result: RequestResult<Record>,
        now: Duration,
    ) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        let Some(write) = group.write_ended(request) else {
            return;
        };
        let error = match result {
            Ok(record) => {
                self.write_done(id, &write, record.clone(), now);
                return self.learn_written(record, now);
            }
            Err(error) => error,
        };
        group.write_failed();
        self.touched.push(id.clone());
        if matches!(error.code(), Some(404 | 409 | 422)) {
            let error = error.to_string();
            self.read_object(id, Some(RejectedWrite { write, error }));
        } else if error.is_refusal() {
            if error.is_forbidden() {
                self.effects
                    .push(Effect::ReviewRights(id.namespace.clone()));
            }
            self.refuse(id, &error.to_string(), now);
        } else {
            if error.may_have_been_applied() {
                group.write_uncertain(write);
            }
            self.report_failure(id, error.to_string(), "retrying");
            self.back_off(id, error.retry_after(), now);
            self.check_uncertain_writes(id, now);
        }
    }

    /// Handles a write that has no answer yet.
    pub fn write_is_slow(&mut self, id: &GroupId, request: u64) {
        if self
            .groups
            .get(id)
            .is_some_and(|group| group.is_writing(request))
        {
            let error = "the API server has not answered yet; an admission webhook may hold the \
                         write up";
            self.report_failure(id, error.to_owned(), "still waiting");
        }
    }

    /// Handles a write that was not started: the Lease could have expired before its end, or the
    /// machine was suspended.
    pub fn write_postponed(&mut self, id: &GroupId, request: u64, now: Duration) {
        let group = self.groups.get_mut(id);
        if group.and_then(|group| group.write_ended(request)).is_some() {
            self.mark_dirty(id, MoveCause::Timer, now);
        }
    }

    /// Reads a group's object again: a write was rejected, or the known object may be out of date.
    pub(super) fn read_object(&mut self, id: &GroupId, rejected: Option<RejectedWrite>) {
        let request = self.next_request();
        if let Some(group) = self.groups.get_mut(id) {
            self.effects.push(group.start_read(request, rejected));
        }
    }

    /// Checks whether an unanswered write was applied, as the object shows.
    pub(super) fn check_uncertain_writes(&mut self, id: &GroupId, now: Duration) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        if let Some(write) = group.take_carried_out() {
            let record = group.record().clone();
            self.write_done(id, &write, record, now);
            self.mark_dirty(id, MoveCause::Group, now);
        }
    }

    /// Handles the result of a read of a group's object.
    pub fn object_read(
        &mut self,
        id: &GroupId,
        request: u64,
        result: RequestResult<Option<Record>>,
        now: Duration,
    ) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        let Some(read) = group.read_ended(request) else {
            return;
        };
        match result {
            Ok(Some(record)) if record.is_controlled() => self.adopt_read(id, record, read, now),
            Ok(_) => self.forget(id, now),
            Err(error) => {
                group.read_failed();
                self.back_off(id, error.retry_after(), now);
            }
        }
    }

    fn adopt_read(&mut self, id: &GroupId, record: Record, read: PendingRead, now: Duration) {
        let PendingRead {
            known_version,
            rejected,
            ..
        } = read;
        match rejected {
            Some(RejectedWrite { write, .. })
                if write.is_noted(record.meta.last_move().as_ref()) =>
            {
                self.write_done(id, &write, record.clone(), now);
            }
            Some(RejectedWrite { write, error })
                if write.version == record.meta.resource_version =>
            {
                return self.refuse(id, &error, now);
            }
            _ => {
                self.report_others(&record, now);
                let group = self.groups.get_mut(id);
                group.into_iter().for_each(|group| group.conflict());
            }
        }
        self.learn_read(record, &known_version, now);
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        if !group.has_too_many_conflicts() {
            return;
        }
        let is_reportable = group.has_reportable_conflicts();
        self.requeue.set(id, group.back_off_conflict(now));
        if is_reportable {
            let error = "another writer changes the object too often, so writes conflict";
            self.report_failure(id, error.to_owned(), "retrying");
        }
    }

    fn write_done(&mut self, id: &GroupId, write: &PendingWrite, record: Record, now: Duration) {
        if let Some(group) = self.groups.get_mut(id) {
            group.write_done(write, &record);
        }
        if write.last_move.is_some() {
            self.limiter.settled(id);
        }
        let notes = &write.notes;
        let order = notes.end_override.as_ref().map(|_| "override");
        let ended = order.into_iter().chain(notes.end_pause.then_some("pause"));
        let evacuations = notes.avoid.iter().flat_map(|change| &change.ended);
        let evacuations = evacuations.map(AvoidEntry::as_noun);
        for what in ended.map(str::to_owned).chain(evacuations) {
            self.report(Notice::OrderExpired {
                group: id.clone(),
                at: write.at,
                what,
            });
        }
        if let Some(transition) = write.transition(now) {
            self.effects
                .push(Effect::Moved(Box::new(record), transition));
        }
    }

    fn refuse(&mut self, id: &GroupId, error: &str, now: Duration) {
        self.limiter.refused(id);
        if let Some(group) = self.groups.get_mut(id) {
            self.requeue.set(id, group.refuse(now));
        }
        self.report_failure(id, error.to_owned(), "retrying every 30 s");
    }

    /// Reports why a group's traffic does not move, unless the last report was the same.
    pub(super) fn report_failure(&mut self, id: &GroupId, error: String, next: &'static str) {
        let group = self.groups.get_mut(id);
        if group.is_some_and(|group| group.reported().is_news(&error)) {
            self.report(Notice::WriteFailed {
                group: id.clone(),
                error,
                next,
            });
        }
    }

    /// Retries after a backoff.
    pub(super) fn back_off(&mut self, id: &GroupId, wish: Option<Duration>, now: Duration) {
        if let Some(group) = self.groups.get_mut(id) {
            self.requeue.set(id, group.back_off(wish, now));
        }
    }
}
