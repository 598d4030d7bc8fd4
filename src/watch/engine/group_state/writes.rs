//! The writes of a group: results, backoff and conflicts.

use std::time::Duration;

use super::{GroupState, LastWrite, Phase};
use crate::resource::Record;
use crate::watch::engine::pending::PendingWrite;

/// When to retry a write that the API server refused: a person has to act first.
const REFUSED_RETRY: Duration = Duration::from_secs(30);
/// The number of conflicts in a row before the next write backs off.
const MAX_CONFLICTS_AT_ONCE: u32 = 3;
/// The longest delay after a conflict. A longer one does not make a conflict with a busy writer
/// less likely.
const MAX_CONFLICT_DELAY: Duration = Duration::from_millis(40);
/// The number of conflicts in a row after which they are reported.
const REPORTED_CONFLICTS: u32 = 20;
/// The number of unanswered writes to remember. The server may still apply a write that timed out,
/// but not this many.
const MAX_UNCERTAIN_WRITES: usize = 16;

impl GroupState {
    pub fn write_started(&mut self, write: PendingWrite) {
        self.phase = Phase::Writing(write);
    }

    /// Records the result of a write. Returns the write if it is the one in flight.
    pub fn write_ended(&mut self, request: u64) -> Option<PendingWrite> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Writing(write) if write.request == request => Some(write),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// Records that the write was applied, as its result or the object shows.
    /// `record`: the object after it.
    pub fn write_done(&mut self, write: &PendingWrite, record: &Record) {
        self.in_sync();
        self.last_write = LastWrite::Succeeded;
        self.uncertain.clear();
        if let (Some(weights), Ok(group)) = (&write.weights, &record.group) {
            self.reverts.wrote(weights.clone(), group);
        }
    }

    /// Records that the object shows a write of the holder of the Lease.
    pub fn holder_wrote(&mut self) {
        if let Ok(group) = &self.record.group
            && group.fitting_move().is_some()
        {
            self.reverts.wrote(group.weights_on_object(), group);
        }
    }

    pub fn write_failed(&mut self) {
        if self.last_write == LastWrite::Succeeded {
            self.last_write = LastWrite::Failed;
        }
    }

    /// Records that the write failed but may have been applied.
    pub fn write_uncertain(&mut self, write: PendingWrite) {
        if self.uncertain.len() >= MAX_UNCERTAIN_WRITES {
            self.uncertain.remove(0);
        }
        self.uncertain.push(write);
    }

    #[cfg(test)]
    pub fn uncertain_writes(&self) -> usize {
        self.uncertain.len()
    }

    /// Returns the unanswered write that was applied, once the object shows it.
    pub fn take_carried_out(&mut self) -> Option<PendingWrite> {
        if self.uncertain.is_empty() {
            return None;
        }
        let last = self.record.meta.last_move();
        let done = self
            .uncertain
            .iter()
            .find(|write| write.is_noted(last.as_ref()))
            .cloned();
        // A write that replaces another version can no longer be applied.
        self.uncertain
            .retain(|write| write.version == self.record.meta.resource_version);
        if done.is_some() {
            self.end_backoff();
        }
        done
    }

    /// Records that the API server refused the write. Returns when to retry.
    pub fn refuse(&mut self, now: Duration) -> Duration {
        self.last_write = LastWrite::Refused;
        self.phase = Phase::BackingOff(now + REFUSED_RETRY);
        now + REFUSED_RETRY
    }

    /// Starts a backoff and returns when to retry. `wish`: the server's Retry-After.
    pub fn back_off(&mut self, wish: Option<Duration>, now: Duration) -> Duration {
        let until = now + self.backoff.next(wish);
        self.phase = Phase::BackingOff(until);
        until
    }

    /// Starts a short backoff after conflicts and returns when to retry.
    pub fn back_off_conflict(&mut self, now: Duration) -> Duration {
        let until = now + MAX_CONFLICT_DELAY.mul_f64(1.0 - fastrand::f64() / 2.0);
        self.phase = Phase::BackingOff(until);
        until
    }

    /// Records that its timer fired. Returns when the retry is due, if later.
    pub fn timer_fired(&mut self, now: Duration) -> Option<Duration> {
        match self.phase {
            Phase::BackingOff(until) if until > now => return Some(until),
            _ => self.end_backoff(),
        }
        None
    }

    pub(super) fn end_backoff(&mut self) {
        if matches!(self.phase, Phase::BackingOff(_)) {
            self.phase = Phase::Idle;
        }
    }

    /// Records that the write conflicted with another version of the object.
    pub fn conflict(&mut self) {
        self.conflicts = self.conflicts.saturating_add(1);
    }

    pub fn has_too_many_conflicts(&self) -> bool {
        self.conflicts > MAX_CONFLICTS_AT_ONCE
    }

    /// Returns whether the conflicts in a row are to be reported.
    pub fn has_reportable_conflicts(&self) -> bool {
        self.conflicts >= REPORTED_CONFLICTS
    }
}
