//! What the loop makes of the answers to its own requests.

use std::time::Duration;

use super::engine::{Effect, Engine};
use super::tracked::{Cause, Pending, Phase};
use crate::cluster::RequestResult;
use crate::model::GroupId;
use crate::model::notice::Notice;
use crate::resource::Record;

/// How long to leave a group alone whose write was refused for good.
const SLOW_RETRY: Duration = Duration::from_secs(30);

impl Engine {
    /// Takes in the answer to a write.
    pub fn written(&mut self, id: &GroupId, answer: RequestResult<Record>, now: Duration) {
        let Some(tracked) = self.groups.get_mut(id) else { return };
        let Phase::Writing(pending) = std::mem::replace(&mut tracked.phase, Phase::Idle) else { return };
        match answer {
            Ok(record) => self.succeeded(id, pending, record, now),
            Err(error) if matches!(error.code(), Some(404 | 409 | 422)) => {
                tracked.phase = Phase::Reading(pending);
                self.effects.push(Effect::Reread(id.clone(), Box::new(tracked.record.clone())));
            }
            Err(error) if error.is_forbidden() => self.refuse(id, &error.to_string(), now),
            Err(error) => {
                tracked.doubts.push(pending);
                self.say_once(id, error.to_string(), "trying again");
                self.wait(id, error.retry_after(), now);
                self.resolve_doubt(id, now);
            }
        }
    }

    /// Tells of a write that got no answer, once the object shows that it was done all the same.
    pub(super) fn resolve_doubt(&mut self, id: &GroupId, now: Duration) {
        let Some(tracked) = self.groups.get_mut(id) else { return };
        let version = &tracked.record.meta.resource_version;
        let done = tracked.doubts.iter().find(|pending| pending.is_done_in(&tracked.record)).cloned();
        // One that was made for another version can no longer be done.
        tracked.doubts.retain(|pending| pending.version == *version);
        let Some(pending) = done else { return };
        if matches!(tracked.phase, Phase::Waiting(_)) {
            tracked.phase = Phase::Idle;
        }
        let record = tracked.record.clone();
        self.done(id, pending, record, now);
        self.touch(id, Cause::Group, now);
    }

    /// Takes in that a write was not begun: the Lease could have ended before it.
    pub fn postponed(&mut self, id: &GroupId, now: Duration) {
        if let Some(tracked) = self.groups.get_mut(id) {
            tracked.phase = Phase::Idle;
            self.touch(id, Cause::Timer, now);
        }
    }

    /// Takes in a group's object after a refused write.
    pub fn reread(&mut self, id: &GroupId, answer: RequestResult<Option<Record>>, now: Duration) {
        let Some(tracked) = self.groups.get_mut(id) else { return };
        let Phase::Reading(pending) = std::mem::replace(&mut tracked.phase, Phase::Idle) else { return };
        match answer {
            Ok(None) => self.forget(id, now),
            Ok(Some(record)) if !record.is_controlled() => self.forget(id, now),
            Ok(Some(record)) if pending.is_done_in(&record) => {
                self.succeeded(id, pending, record, now);
            }
            Ok(Some(record)) if record.meta.resource_version == pending.version => {
                self.refuse(id, "the API server does not take the patch (HTTP 422)", now);
            }
            Ok(Some(record)) => self.learn(record, now),
            Err(error) => {
                tracked.phase = Phase::Idle;
                self.wait(id, error.retry_after(), now);
            }
        }
    }

    fn succeeded(&mut self, id: &GroupId, pending: Pending, record: Record, now: Duration) {
        self.done(id, pending, record.clone(), now);
        self.learn(record, now);
    }

    /// Tells of a move.
    fn done(&mut self, id: &GroupId, pending: Pending, record: Record, now: Duration) {
        if let Some(tracked) = self.groups.get_mut(id) {
            tracked.backoff.reset();
            tracked.said = None;
            tracked.refused = false;
            tracked.doubts.clear();
            if pending.last_move.is_some() {
                tracked.fight.wrote(pending.to.iter().map(|(_, weight)| *weight).collect());
            }
        }
        let ended = [(pending.notes.end_override.is_some(), "override"), (pending.notes.end_pause, "pause")];
        for (_, what) in ended.into_iter().filter(|(ended, _)| *ended) {
            self.say(Notice::Ended { group: id.clone(), at: pending.at, what });
        }
        if let Some(transition) = pending.transition(id, &record.apex, now) {
            self.effects.push(Effect::Moved(Box::new(record), transition));
        }
    }

    fn refuse(&mut self, id: &GroupId, error: &str, now: Duration) {
        let Some(tracked) = self.groups.get_mut(id) else { return };
        tracked.refused = true;
        let until = now + SLOW_RETRY;
        tracked.phase = Phase::Waiting(until);
        self.alarms.insert((until, id.clone()));
        self.say_once(id, error.to_owned(), "trying again every 30 s");
    }

    /// Says what keeps a group's traffic from moving, unless that was the last thing said of it.
    pub(super) fn say_once(&mut self, id: &GroupId, error: String, next: &'static str) {
        let Some(tracked) = self.groups.get_mut(id) else { return };
        if tracked.said.as_ref() != Some(&error) {
            tracked.said = Some(error.clone());
            self.say(Notice::WriteFailed { group: id.clone(), error, next });
        }
    }

    /// Tries again after a while.
    pub(super) fn wait(&mut self, id: &GroupId, wish: Option<Duration>, now: Duration) {
        let Some(tracked) = self.groups.get_mut(id) else { return };
        let until = now + tracked.backoff.next(wish);
        tracked.phase = Phase::Waiting(until);
        self.alarms.insert((until, id.clone()));
    }
}
