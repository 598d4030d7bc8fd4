//! The object of a group as watches and reads show it.

use jiff::Timestamp;

use super::{GroupState, Phase};
use crate::cluster::transport::store_history::is_older;
use crate::model::{GroupEvent, Stopwatches};
use crate::resource::{Record, events_between};
use crate::watch::engine::contention::RevertBackoff;
use crate::watch::engine::effect::Effect;
use crate::watch::engine::pending::{PendingRead, RejectedWrite};

impl GroupState {
    /// Starts another read of its object: a write was rejected, or the known object may be out of
    /// date.
    pub fn start_read(&mut self, request: u64, rejected: Option<RejectedWrite>) -> Effect {
        self.suspect = false;
        let known_version = self.record.meta.resource_version.clone();
        self.phase = Phase::Reading(PendingRead {
            request,
            known_version,
            rejected,
        });
        Effect::ReadGroup(self.record.id(), request, Box::new(self.record.clone()))
    }

    /// Records the result of a read. Returns the read if it is the one in flight.
    pub fn read_ended(&mut self, request: u64) -> Option<PendingRead> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Reading(read) if read.request == request => Some(read),
            other => {
                self.phase = other;
                None
            }
        }
    }

    pub fn read_failed(&mut self) {
        self.suspect = true;
    }

    /// Returns what others did to the object, as a newer version of it shows. Empty: this process
    /// wrote that version, or it is not newer.
    pub fn done_by_others(&self, newer: &Record, seen: Timestamp) -> Vec<GroupEvent> {
        let (new, known) = (&newer.meta, &self.record.meta);
        let is_newer = new.uid == known.uid
            && new.resource_version != known.resource_version
            && !is_older(&new.resource_version, &known.resource_version);
        let in_flight = match &self.phase {
            Phase::Writing(write) => Some(write),
            Phase::Reading(read) => read.rejected.as_ref().map(|rejected| &rejected.write),
            _ => None,
        };
        let mut own = in_flight.into_iter().chain(&self.uncertain);
        if !is_newer || own.any(|write| write.is_in(newer)) {
            return Vec::new();
        }
        events_between(&self.record, newer, seen)
    }

    /// Adopts an object from a watch. An object that looks older usually is older, but after a
    /// restore of the cluster's store it is the current one. Only a read can decide that.
    pub fn adopt_watched(&mut self, record: Record) {
        let (new, known) = (&record.meta, &self.record.meta);
        if new.uid == known.uid && is_older(&new.resource_version, &known.resource_version) {
            self.suspect = true;
        } else {
            self.replace(record);
        }
    }

    /// Adopts an object from a read, unless a watch has shown another one meanwhile.
    pub fn adopt_read(&mut self, record: Record, known_version: &str) {
        if self.suspect || self.record.meta.resource_version != known_version {
            self.adopt_watched(record);
        } else {
            self.replace(record);
        }
    }

    fn replace(&mut self, record: Record) {
        if record.meta.uid != self.record.meta.uid {
            self.reset_timers();
        } else if is_older(
            &record.meta.resource_version,
            &self.record.meta.resource_version,
        ) {
            // The store was restored from a backup, so nobody has reverted the weights.
            self.reverts = RevertBackoff::default();
        }
        if self.is_refused() && record.meta.resource_version != self.record.meta.resource_version {
            // The refused write was for another version.
            self.end_backoff();
        }
        self.record = record;
    }

    /// Restarts its timers: it is another object, or not a valid group.
    pub fn reset_timers(&mut self) {
        self.stopwatches = Stopwatches::default();
    }
}
