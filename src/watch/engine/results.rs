//! What the loop makes of the answers to its own requests.

use std::time::Duration;

use super::core::{Effect, Engine};
use super::group_state::{MoveCause, Pending, Phase, Rereading};
use crate::cluster::RequestResult;
use crate::model::GroupId;
use crate::model::notice::Notice;
use crate::resource::Record;

/// How long to leave a group alone whose write was refused for good.
const SLOW_RETRY: Duration = Duration::from_secs(30);

/// So many writes in a row may meet another version of the object before the next one waits.
const CONFLICTS_AT_ONCE: u32 = 3;

impl Engine {
    /// Takes in the answer to a write.
    pub fn written(
        &mut self,
        id: &GroupId,
        number: u64,
        answer: RequestResult<Record>,
        now: Duration,
    ) {
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        let Some(pending) = tracked.end_write(number) else {
            return;
        };
        tracked.failed = answer.is_err();
        match answer {
            Ok(record) => {
                self.done(id, pending, record.clone(), now);
                self.learn(record, now);
            }
            Err(error) if matches!(error.code(), Some(404 | 409 | 422)) => {
                self.ask_again(id, Some(pending));
            }
            Err(error) if error.is_forbidden() => self.refuse(id, &error.to_string(), now),
            Err(error) => {
                if error.may_be_done() {
                    tracked.doubt(pending);
                }
                self.say_once(id, error.to_string(), "trying again");
                self.wait(id, error.retry_after(), now);
                self.resolve_doubt(id, now);
            }
        }
    }

    /// Reads a group's object again: after a write that was refused, or because what is known of it is in doubt.
    pub(crate) fn ask_again(&mut self, id: &GroupId, refused: Option<Pending>) {
        self.last_number += 1;
        let number = self.last_number;
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        let known = tracked.record.meta.resource_version.clone();
        tracked.suspect = false;
        tracked.phase = Phase::Reading(Rereading {
            number,
            known,
            refused,
        });
        self.effects.push(Effect::Reread(
            id.clone(),
            number,
            Box::new(tracked.record.clone()),
        ));
    }

    /// Tells of a write that got no answer, once the object shows that it was done all the same.
    pub(crate) fn resolve_doubt(&mut self, id: &GroupId, now: Duration) {
        let Some(tracked) = self
            .groups
            .get_mut(id)
            .filter(|tracked| !tracked.doubts.is_empty())
        else {
            return;
        };
        let meta = &tracked.record.meta;
        let last = meta.last_move();
        let done = tracked
            .doubts
            .iter()
            .find(|pending| pending.is_noted(last.as_ref()))
            .cloned();
        // One that was made for another version can no longer be done.
        tracked
            .doubts
            .retain(|pending| pending.version == meta.resource_version);
        let Some(pending) = done else { return };
        if matches!(tracked.phase, Phase::Waiting(_)) {
            tracked.phase = Phase::Idle;
        }
        let record = tracked.record.clone();
        self.done(id, pending, record, now);
        self.touch(id, MoveCause::Group, now);
    }

    /// Takes in that a write was not begun: the Lease could have ended before it, or the machine has slept.
    pub fn postponed(&mut self, id: &GroupId, number: u64, now: Duration) {
        if self
            .groups
            .get_mut(id)
            .and_then(|tracked| tracked.end_write(number))
            .is_some()
        {
            self.touch(id, MoveCause::Timer, now);
        }
    }

    /// Takes in a group's object as it was read again.
    pub fn reread(
        &mut self,
        id: &GroupId,
        number: u64,
        answer: RequestResult<Option<Record>>,
        now: Duration,
    ) {
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        let Some(Rereading { known, refused, .. }) = tracked.end_read(number) else {
            return;
        };
        match answer {
            Ok(Some(record)) if record.is_controlled() => {
                self.read_again(id, record, &known, refused, now)
            }
            Ok(_) => self.forget(id, now),
            Err(error) => {
                tracked.suspect = true;
                self.wait(id, error.retry_after(), now);
            }
        }
    }

    fn read_again(
        &mut self,
        id: &GroupId,
        record: Record,
        known: &str,
        refused: Option<Pending>,
        now: Duration,
    ) {
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        let last = refused.as_ref().and_then(|_| record.meta.last_move());
        match refused {
            Some(pending) if pending.is_noted(last.as_ref()) => {
                self.done(id, pending, record.clone(), now)
            }
            Some(pending) if pending.version == record.meta.resource_version => {
                return self.refuse(id, "the API server does not take the patch (HTTP 422)", now);
            }
            _ => tracked.conflicts = tracked.conflicts.saturating_add(1),
        }
        self.learn_read(record, known, now);
        if self
            .groups
            .get(id)
            .is_some_and(|tracked| tracked.conflicts > CONFLICTS_AT_ONCE)
        {
            self.wait(id, None, now);
        }
    }

    /// Tells of a move.
    fn done(&mut self, id: &GroupId, pending: Pending, record: Record, now: Duration) {
        if let Some(tracked) = self.groups.get_mut(id) {
            tracked.backoff.reset();
            tracked.said = None;
            tracked.refused = false;
            tracked.failed = false;
            tracked.conflicts = 0;
            tracked.owed_since = None;
            tracked.doubts.clear();
            if pending.last_move.is_some() {
                tracked
                    .fight
                    .wrote(pending.to.iter().map(|(_, weight)| *weight).collect());
                self.brake.settled(id);
            }
        }
        let ended = [
            (pending.notes.end_override.is_some(), "override"),
            (pending.notes.end_pause, "pause"),
        ];
        for (_, what) in ended.into_iter().filter(|(ended, _)| *ended) {
            self.say(Notice::Ended {
                group: id.clone(),
                at: pending.at,
                what,
            });
        }
        if let Some(transition) = pending.transition(id, &record.apex, now) {
            self.effects
                .push(Effect::Moved(Box::new(record), transition));
        }
    }

    fn refuse(&mut self, id: &GroupId, error: &str, now: Duration) {
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        tracked.refused = true;
        self.brake.refused(id);
        let until = now + SLOW_RETRY;
        tracked.phase = Phase::Waiting(until);
        self.alarms.set(id, until);
        self.say_once(id, error.to_owned(), "trying again every 30 s");
    }

    /// Says what keeps a group's traffic from moving, unless that was the last thing said of it.
    pub(crate) fn say_once(&mut self, id: &GroupId, error: String, next: &'static str) {
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        if tracked.said.as_ref() != Some(&error) {
            tracked.said = Some(error.clone());
            self.say(Notice::WriteFailed {
                group: id.clone(),
                error,
                next,
            });
        }
    }

    /// Tries again after a while.
    pub(crate) fn wait(&mut self, id: &GroupId, wish: Option<Duration>, now: Duration) {
        let Some(tracked) = self.groups.get_mut(id) else {
            return;
        };
        let until = now + tracked.backoff.next(wish);
        tracked.phase = Phase::Waiting(until);
        self.alarms.set(id, until);
    }
}
