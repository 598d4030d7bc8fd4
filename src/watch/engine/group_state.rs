use std::time::Duration;

use jiff::Timestamp;

use super::contention::RevertBackoff;
use crate::cluster::transport::backoff::Backoff;
use crate::model::decision::Notes;
use crate::model::notice::{Notice, Transition};
use crate::model::{Decision, GroupId, LastMove, Readiness, State, Stopwatches, Weights};
use crate::resource::Record;

/// A server may still do a write of which the answer was given up, but not for so many tries.
const MOST_DOUBTS: usize = 16;

/// What caused a group to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoveCause {
    /// A delay is over, a failed write is due, or trust in what is known has changed.
    Timer,
    /// The group's object has changed.
    Group,
    /// The endpoints of a backend have changed.
    Readiness,
}

/// What is under way for a group.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    Idle,
    Writing(Pending),
    /// Its object is being read again: a write was refused, or what is known of it is in doubt.
    Reading(Rereading),
    /// Slices are being listed again, before a move that no slice has caused. What else happens is decided on.
    Verifying,
    /// A write or a read has failed; the next try is at this time.
    Waiting(Duration),
}

/// A read that has been asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Rereading {
    /// Which request it is.
    pub number: u64,
    /// The version of the object that was known.
    pub known: String,
    /// The write that was refused.
    pub refused: Option<Pending>,
}

/// A write that has been sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Which request it is.
    pub number: u64,
    /// When it was decided, by the API server's clock.
    pub at: Timestamp,
    pub from: Vec<(String, u64)>,
    pub to: Vec<(String, u64)>,
    /// The note of the move; none where only other notes change.
    pub last_move: Option<LastMove>,
    pub notes: Notes,
    /// When its cause was heard of.
    pub since: Duration,
    /// The version of the object that it was made for.
    pub version: String,
}

impl Pending {
    /// What is told once it is done, if traffic moved.
    pub fn transition(&self, group: &GroupId, apex: &str, now: Duration) -> Option<Transition> {
        let last = self.last_move.as_ref()?;
        Some(Transition {
            group: group.clone(),
            apex: apex.to_owned(),
            at: last.at,
            from: self.from.clone(),
            to: self.to.clone(),
            why: last.why.clone(),
            unverified: last.unverified,
            took: now.saturating_sub(self.since),
        })
    }

    /// Whether it is the last move that an object notes.
    pub fn is_noted(&self, last: Option<&LastMove>) -> bool {
        last.is_some() && self.last_move.as_ref() == last
    }
}

/// A group in the loop's memory.
#[derive(Debug)]
pub struct GroupState {
    pub record: Record,
    pub stopwatches: Stopwatches,
    pub phase: Phase,
    /// It is to be looked at: why, and since when.
    pub dirty: Option<(MoveCause, Duration)>,
    /// When the cause was heard of for which it is to be changed, and is not yet.
    pub owed_since: Option<Duration>,
    /// It stands in the engine's queue.
    pub queued: bool,
    pub backoff: Backoff,
    /// The last writes that got no answer: one of them may have been done.
    pub doubts: Vec<Pending>,
    /// Its last write failed.
    pub failed: bool,
    /// How many writes in a row have met another version of the object.
    pub conflicts: u32,
    /// What looked older than what is known has been heard: the object is to be read again before anything else.
    pub suspect: bool,
    /// What was last said of it, so that it is said once.
    pub said: Option<String>,
    /// The warnings that have been said of its object.
    pub warned: Vec<String>,
    /// What it is while nowhere is known to be ready for its traffic.
    stuck: Option<State>,
    /// That its traffic stays where it is for that has been said.
    said_stuck: bool,
    /// Only time keeps its traffic from moving: a delay, a fight or the brake.
    pub waiting: bool,
    pub fight: RevertBackoff,
    /// What it is counted as.
    pub counted: Option<State>,
    /// Why a backend can't be read that could be.
    pub unread: Option<String>,
    /// A write was refused in a way that trying again soon will not change.
    pub refused: bool,
}

impl GroupState {
    /// What there is to say where its traffic has nowhere to go, or has again. Where it moves all the same, the move
    /// says all of it.
    pub fn news_of_being_stuck(
        &mut self,
        id: &GroupId,
        decision: &Decision,
        readiness: &[Readiness],
    ) -> Option<Notice> {
        let (group, state, reason) = (id.clone(), decision.state, decision.reason.clone());
        let stuck = matches!(state, State::Unavailable | State::Unknown);
        let before = std::mem::replace(&mut self.stuck, stuck.then_some(state));
        if before.is_some() == stuck {
            return None;
        }
        let said = std::mem::replace(
            &mut self.said_stuck,
            stuck && decision.weights == Weights::Hold,
        );
        if self.said_stuck {
            let cause = readiness
                .iter()
                .find_map(Readiness::why_unknown)
                .map(ToString::to_string);
            return Some(Notice::Stuck {
                group,
                state,
                reason,
                cause,
            });
        }
        before.filter(|_| said).map(|was| Notice::Unstuck {
            group,
            was,
            state,
            reason,
        })
    }

    pub fn new(record: Record) -> Self {
        Self {
            record,
            stopwatches: Stopwatches::default(),
            phase: Phase::Idle,
            dirty: None,
            owed_since: None,
            queued: false,
            backoff: Backoff::default(),
            doubts: Vec::new(),
            failed: false,
            conflicts: 0,
            suspect: false,
            said: None,
            warned: Vec::new(),
            stuck: None,
            said_stuck: false,
            waiting: false,
            fight: RevertBackoff::default(),
            counted: None,
            unread: None,
            refused: false,
        }
    }

    /// Takes in the object as it was told. What looks older mostly is; after a restore of the cluster's store it is
    /// what there is: only a read can tell.
    pub fn adopt(&mut self, record: Record) {
        if self.knows_newer_than(&record) {
            self.suspect = true;
        } else {
            self.replace(record);
        }
    }

    /// Takes in the object as it was read, which counts, unless something was told meanwhile.
    pub fn adopt_read(&mut self, record: Record, known: &str) {
        let told = self.suspect || self.record.meta.resource_version != known;
        if told {
            self.adopt(record)
        } else {
            self.replace(record)
        }
    }

    fn knows_newer_than(&self, record: &Record) -> bool {
        let (new, known) = (&record.meta, &self.record.meta);
        new.uid == known.uid && is_older(&new.resource_version, &known.resource_version)
    }

    fn replace(&mut self, record: Record) {
        if record.meta.uid != self.record.meta.uid {
            self.stopwatches = Stopwatches::default();
        }
        if self.refused
            && matches!(self.phase, Phase::Waiting(_))
            && record.meta.resource_version != self.record.meta.resource_version
        {
            // What was refused was made for another version.
            self.phase = Phase::Idle;
        }
        self.record = record;
    }

    /// The write that has this number, if it is under way: it is no longer then.
    pub fn end_write(&mut self, number: u64) -> Option<Pending> {
        if !matches!(&self.phase, Phase::Writing(pending) if pending.number == number) {
            return None;
        }
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Writing(pending) => Some(pending),
            _ => None,
        }
    }

    /// The same of a read.
    pub fn end_read(&mut self, number: u64) -> Option<Rereading> {
        if !matches!(&self.phase, Phase::Reading(reading) if reading.number == number) {
            return None;
        }
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Reading(reading) => Some(reading),
            _ => None,
        }
    }

    /// Keeps a write in mind that may have been done.
    pub fn doubt(&mut self, pending: Pending) {
        if self.doubts.len() >= MOST_DOUBTS {
            self.doubts.remove(0);
        }
        self.doubts.push(pending);
    }

    /// Whether nothing is under way that touches it again when it ends; what else happens while slices are listed
    /// again is decided on.
    pub fn may_be_decided_on(&self) -> bool {
        matches!(self.phase, Phase::Idle | Phase::Verifying)
    }

    /// Marks it to be looked at. The strongest cause counts, from when the first one was heard.
    pub fn touch(&mut self, cause: MoveCause, now: Duration) {
        let (strongest, since) = self.dirty.unwrap_or((cause, now));
        self.dirty = Some((strongest.max(cause), since));
    }
}

/// Versions of one object are numbers that grow; what is no number is never older.
fn is_older(version: &str, than: &str) -> bool {
    matches!((version.parse::<u64>(), than.parse::<u64>()), (Ok(version), Ok(than)) if version < than)
}
