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

use std::time::Duration;

use jiff::Timestamp;

use super::contention::{RevertBackoff, RevertDelay};
use super::effect::{Effect, Moment};
use super::pending::{PendingRead, PendingWrite, RejectedWrite};
use super::reported::Reported;
use crate::cluster::transport::backoff::Backoff;
use crate::cluster::transport::store_history::is_older;
use crate::model::due::WRITE_GRACE;
use crate::model::notice::After;
use crate::model::{
    Decider, Decision, Flags, Group, GroupEvent, Invalid, Readiness, Rule, State, Stopwatches,
    decide,
};
use crate::resource::{Record, events_between};

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

    /// Returns the decision for its object. Updates the timers of its backends in every phase: a
    /// timer that missed a change would end too early. None: the object is not a valid group.
    pub fn decide(&mut self, readiness: &[Readiness], moment: Moment) -> Option<Decision> {
        let group = self.record.group.as_ref().ok()?;
        let decider = Decider::new(group, readiness, moment.server);
        self.stopwatches
            .observe(decider.effective(), readiness, moment.now);
        let mut decision = decider.decide(&self.stopwatches.read(moment.now));
        if decision.home_ready.is_some() {
            // A primary that is drained has fewer and fewer.
            let peak = self.stopwatches.recent_peak(group.home_index());
            decision.home_ready = decision.home_ready.max(peak);
        }
        Some(decision)
    }

    /// Returns how long the primary has been as it is, if a decision moves traffic off it or back.
    pub fn time_before_move(
        &self,
        decision: &Decision,
        readiness: &[Readiness],
        moment: Moment,
    ) -> Option<After> {
        let group = self
            .record
            .group
            .as_ref()
            .ok()?
            .at(moment.server, readiness);
        let (carries, is_down) = (group.carries(group.primary), decision.flags.short);
        let (timers, policy) = (self.stopwatches.read(moment.now), &group.policy);
        let delay = match decision.rule {
            Rule::FailOver | Rule::Unverified if carries && is_down => policy.failover_delay,
            Rule::FailBack if !carries => policy.failback_delay,
            _ => return None,
        };
        Some(After {
            is_down,
            lasted: timers.spent(group.primary)?,
            saw_begin: self.stopwatches.saw_begin(group.primary),
            delay,
        })
    }

    /// Returns the decision for a hypothetical readiness.
    pub fn decide_for(&self, readiness: &[Readiness], moment: Moment) -> Option<Decision> {
        let group = self.record.group.as_ref().ok()?;
        let timers = self.stopwatches.read(moment.now);
        Some(decide(group, readiness, &timers, moment.server))
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

    /// Restarts its timers: it is another object, or not a valid group.
    pub fn reset_timers(&mut self) {
        self.stopwatches = Stopwatches::default();
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

    /// Records a decision. `writer_at`: the time, if it is for this engine to write the group.
    /// Returns the previous state.
    pub fn decided(
        &mut self,
        decision: &Decision,
        readiness: &[Readiness],
        writer_at: Option<Duration>,
    ) -> Option<State> {
        self.dirty = None;
        let is_lost = decision.down_unless_moved && decision.is_out_of_sync();
        self.lost = writer_at.filter(|_| is_lost).map(|now| LostTraffic {
            since: self.lost.as_ref().map_or(now, |lost| lost.since),
            reason: decision.reason.clone(),
        });
        let is_down = self.down_at().is_some_and(|at| writer_at >= Some(at));
        let unread = readiness
            .iter()
            .filter_map(Readiness::why_unknown)
            .find(|why| !why.is_by_design());
        let assessment = Assessment {
            state: if is_down { State::Down } else { decision.state },
            waiting: decision.waiting && decision.look_again.is_some(),
            flags: decision.flags,
            unread: unread.map(ToString::to_string),
        };
        Some(self.assessment.replace(assessment)?.state)
    }

    /// Returns when it is Down, unless its weights are written before.
    pub fn down_at(&self) -> Option<Duration> {
        self.lost.as_ref().map(|lost| lost.since + WRITE_GRACE)
    }

    /// Records that its weights were not written in time. Returns the previous state and the reason
    /// for the move, if that has just become so.
    pub fn fall_down(&mut self, now: Duration) -> Option<(State, String)> {
        let is_due = self.down_at().is_some_and(|at| at <= now);
        let lost = self.lost.as_ref().filter(|_| is_due)?;
        let last = self.assessment.as_mut()?;
        let before = std::mem::replace(&mut last.state, State::Down);
        (before != State::Down).then(|| (before, lost.reason.clone()))
    }

    /// Records that its traffic is left alone: it is not a valid group, or the upstream controller
    /// manages it. Returns the previous state.
    pub fn leave_alone(&mut self, state: Option<State>) -> Option<State> {
        self.dirty = None;
        self.owed_since = None;
        self.lost = None;
        let assessment = state.map(|state| Assessment {
            state,
            waiting: false,
            flags: Flags::default(),
            unread: None,
        });
        Some(std::mem::replace(&mut self.assessment, assessment)?.state)
    }

    /// Records that the move waits for lists of EndpointSlices.
    pub fn revalidate(&mut self, cause: MoveCause, since: Duration) {
        self.phase = Phase::Revalidating;
        self.dirty = Some(Dirty {
            cause,
            since,
            queued: false,
        });
    }

    /// Records the decision to hold the weights. `served`: a backend with traffic is ready.
    pub fn hold(&mut self, served: bool) {
        if let Ok(group) = &self.record.group {
            self.reverts.agreed(group, served);
        }
    }

    /// Records that its object is in sync.
    pub fn in_sync(&mut self) {
        if self.last_write == LastWrite::Refused {
            self.last_write = LastWrite::Failed;
        }
        self.conflicts = 0;
        self.owed_since = None;
        self.backoff.reset();
        self.reported.clear();
    }

    /// Records that its object has to change, for a cause from `since`. Returns since when a change
    /// is owed.
    pub fn owe(&mut self, since: Duration) -> Duration {
        *self.owed_since.get_or_insert(since)
    }

    /// Returns the delay of the write, if it answers another writer's revert. `dead`: some
    /// traffic goes to dead backends.
    pub fn revert_delay(
        &mut self,
        weights: &[u64],
        dead: bool,
        now: Duration,
    ) -> Option<RevertDelay> {
        let group = self.record.group.as_ref().ok()?;
        self.reverts.delay(group, weights, dead, now)
    }

    /// Only time keeps its traffic from moving.
    pub fn wait(&mut self) {
        if let Some(last) = &mut self.assessment {
            last.waiting = true;
        }
    }

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

    fn end_backoff(&mut self) {
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
}
