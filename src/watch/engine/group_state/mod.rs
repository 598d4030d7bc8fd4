//! The engine's knowledge of one group, and the state machine of its reads and writes.
//!
//! ```text
//!            write_started           write_ended
//!   Idle ----------------> Writing ---------------> Idle; Reading if the write was rejected
//!   Idle ----------------> Reading ---------------> Idle
//!   Idle ----------------> Revalidating ----------> decided on again, with every event
//!   Idle ----------------> BackingOff ------------> Idle at the time of the retry
//! ```
//! A group can be dirty in any phase. It is decided on only in Idle and Revalidating: the end of
//! any other phase marks it dirty.

mod decision;
mod object;
mod writes;

use std::time::Duration;

use super::contention::RevertBackoff;
use super::pending::{PendingRead, PendingWrite};
use super::reported::Reported;
use crate::cluster::transport::backoff::Backoff;
use crate::model::{Flags, Group, Invalid, State, Stopwatches};
use crate::resource::Record;

/// Why a group has to be decided on. Of several causes, the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoveCause {
    /// A delay is over, a retry is due, or trust in a watch has changed.
    Timer,
    /// The group's object has changed.
    Group,
    /// The endpoints of a backend have changed.
    Readiness,
}

#[derive(Debug)]
enum Phase {
    Idle,
    Writing(PendingWrite),
    /// The group's object is being read again: a write was rejected, or the known object may be out
    /// of date.
    Reading(PendingRead),
    /// EndpointSlices are being listed again, before a move that no slice caused.
    Revalidating,
    /// A write or a read failed. The retry is due at this time.
    BackingOff(Duration),
}

#[derive(Debug)]
struct Dirty {
    cause: MoveCause,
    /// When the first cause was reported.
    since: Duration,
    /// The group is in the engine's queue.
    queued: bool,
}

/// How the last write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastWrite {
    Succeeded,
    Failed,
    /// Refused with an error that a retry alone does not fix, such as 403.
    Refused,
}

/// The result of the last decision.
#[derive(Debug)]
struct Assessment {
    state: State,
    /// Only time prevents a move: a delay, contention or the rate limit.
    waiting: bool,
    flags: Flags,
    /// Why a backend's readiness cannot be read, although it should be readable.
    unread: Option<String>,
}

/// Traffic that is lost until the weights are written.
#[derive(Debug)]
struct LostTraffic {
    since: Duration,
    /// The reason for the move that is to be written.
    reason: String,
}

/// The next step for a dirty group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Wait. The request in flight marks the group dirty again.
    Wait,
    ReadObject,
    Decide,
}

#[derive(Debug)]
pub struct GroupState {
    record: Record,
    stopwatches: Stopwatches,
    phase: Phase,
    dirty: Option<Dirty>,
    /// When the cause of a change that is not yet written was reported.
    owed_since: Option<Duration>,
    /// None before the first decision, and while the upstream controller manages the group.
    assessment: Option<Assessment>,
    /// All its traffic is lost until its weights are written.
    lost: Option<LostTraffic>,
    last_write: LastWrite,
    backoff: Backoff,
    /// The number of writes in a row that conflicted with another version of the object.
    conflicts: u32,
    reverts: RevertBackoff,
    /// The last unanswered writes. Any of them may have been applied.
    uncertain: Vec<PendingWrite>,
    /// A watch has shown an object that looks older than the known one. The object has to be read
    /// first.
    suspect: bool,
    reported: Reported,
}

impl GroupState {
    pub fn new(record: Record) -> Self {
        Self {
            record,
            stopwatches: Stopwatches::default(),
            phase: Phase::Idle,
            dirty: None,
            owed_since: None,
            assessment: None,
            lost: None,
            last_write: LastWrite::Succeeded,
            backoff: Backoff::default(),
            conflicts: 0,
            reverts: RevertBackoff::default(),
            uncertain: Vec::new(),
            suspect: false,
            reported: Reported::default(),
        }
    }

    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Returns the state from the last decision.
    pub fn state(&self) -> Option<State> {
        self.assessment.as_ref().map(|last| last.state)
    }

    /// Returns the flags of the last decision.
    pub fn flags(&self) -> Flags {
        let last = self.assessment.as_ref();
        last.map(|last| last.flags).unwrap_or_default()
    }

    /// Returns whether another writer has reverted its weights, not long ago.
    pub fn is_contested(&self, now: Duration) -> bool {
        self.reverts.is_contested(now)
    }

    pub fn is_exposed(&self) -> bool {
        self.reported.is_exposed()
    }

    /// Returns whether a write that it needs has failed.
    pub fn is_failing(&self) -> bool {
        self.has_failed() && self.owed_since.is_some()
    }

    pub fn reported(&mut self) -> &mut Reported {
        &mut self.reported
    }

    pub fn reported_with_group(&mut self) -> (&mut Reported, Result<&Group, &Invalid>) {
        (&mut self.reported, self.record.group.as_ref())
    }

    /// Returns why its state is Unknown, if a backend's readiness cannot be read.
    pub fn unread(&self) -> Option<&String> {
        let last = self.assessment.as_ref()?;
        last.unread
            .as_ref()
            .filter(|_| last.state == State::Unknown)
    }

    pub fn is_refused(&self) -> bool {
        self.last_write == LastWrite::Refused
    }

    pub fn has_failed(&self) -> bool {
        self.last_write != LastWrite::Succeeded
    }

    /// Returns whether this write is in flight.
    pub fn is_writing(&self, request: u64) -> bool {
        matches!(&self.phase, Phase::Writing(write) if write.request == request)
    }

    pub fn is_revalidating(&self) -> bool {
        matches!(self.phase, Phase::Revalidating)
    }

    /// Returns whether nothing is left to do for it, except for a refused write.
    pub fn is_settled(&self) -> bool {
        self.is_refused() || self.why_unsettled().is_none()
    }

    /// Returns why its weights may be wrong, if so.
    pub fn why_unsettled(&self) -> Option<&'static str> {
        let waiting = self.assessment.as_ref().is_some_and(|last| last.waiting);
        match self.phase {
            _ if self.is_refused() => Some("its write was refused"),
            Phase::Idle if waiting => Some("its move has to wait"),
            Phase::Idle if self.dirty.is_none() => None,
            Phase::Idle | Phase::Revalidating => Some("what it needs is not known yet"),
            _ => Some("its write has not succeeded yet"),
        }
    }

    /// Marks it dirty. Returns whether it has to be queued.
    pub fn mark_dirty(&mut self, cause: MoveCause, now: Duration) -> bool {
        let dirty = self.dirty.get_or_insert(Dirty {
            cause,
            since: now,
            queued: false,
        });
        dirty.cause = dirty.cause.max(cause);
        let is_queued = std::mem::replace(&mut dirty.queued, true);
        if cause == MoveCause::Readiness && !self.is_refused() {
            // A Retry-After answered a write that may no longer be the right one.
            self.end_backoff();
        }
        !is_queued
    }

    /// Records that it left the engine's queue. Returns why and since when it is dirty.
    pub fn dequeue(&mut self) -> Option<(MoveCause, Duration)> {
        let dirty = self.dirty.as_mut()?;
        dirty.queued = false;
        Some((dirty.cause, dirty.since))
    }

    /// Returns the warnings about its object that were not reported before.
    pub fn new_warnings(&mut self) -> Vec<String> {
        self.reported.new_warnings(&self.record.warnings)
    }

    /// Handles that the machine was suspended: discards everything known before.
    pub fn restart(&mut self) {
        self.reset_timers();
        self.owed_since = None;
        self.lost = None;
    }

    pub fn next_step(&mut self) -> NextStep {
        if !matches!(self.phase, Phase::Idle | Phase::Revalidating) {
            return NextStep::Wait;
        }
        self.phase = Phase::Idle;
        if self.suspect {
            NextStep::ReadObject
        } else {
            NextStep::Decide
        }
    }
}
