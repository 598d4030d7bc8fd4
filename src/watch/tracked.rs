use std::time::Duration;

use jiff::Timestamp;

use super::fight::Fight;
use crate::cluster::backoff::Backoff;
use crate::model::decide::Notes;
use crate::model::notice::{Notice, Transition};
use crate::model::{Decision, GroupId, LastMove, State, Stopwatches, Weights};
use crate::resource::Record;

/// What caused a group to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
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
    /// Its object is being read again, after a refused write.
    Reading(Pending),
    /// Slices are being listed again, before a move that no slice has caused. What else happens is decided on.
    Verifying,
    /// A write or a read has failed; the next try is at this time.
    Waiting(Duration),
}

/// A write that has been sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
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

    /// Whether this is the object as it was to become.
    pub fn is_done_in(&self, record: &Record) -> bool {
        self.last_move.is_some() && record.meta.last_move() == self.last_move
    }
}

/// A group in the loop's memory.
#[derive(Debug)]
pub struct Tracked {
    pub record: Record,
    pub stopwatches: Stopwatches,
    pub phase: Phase,
    /// It is to be looked at: why, and since when.
    pub dirty: Option<(Cause, Duration)>,
    /// It stands in the engine's queue.
    pub queued: bool,
    pub backoff: Backoff,
    /// Writes that got no answer: one of them may have been done.
    pub doubts: Vec<Pending>,
    /// What was last said of it, so that it is said once.
    pub said: Option<String>,
    /// The warnings that have been said of its object.
    pub warned: Vec<String>,
    /// Nowhere is known to be ready for its traffic.
    stuck: bool,
    /// That its traffic stays where it is for that has been said.
    said_stuck: bool,
    /// Only time keeps its traffic from moving: a delay, a fight or the brake.
    pub waiting: bool,
    pub fight: Fight,
    /// What it is counted as.
    pub counted: Option<State>,
    /// A write was refused in a way that trying again soon will not change.
    pub refused: bool,
}

impl Tracked {
    /// What there is to say where its traffic has nowhere to go, or has again. Where it moves all the same, the move
    /// says all of it.
    pub fn news_of_being_stuck(&mut self, id: &GroupId, decision: &Decision) -> Option<Notice> {
        let stuck = matches!(decision.state, State::Unavailable | State::Unknown);
        if std::mem::replace(&mut self.stuck, stuck) == stuck {
            return None;
        }
        let (group, state, reason) = (id.clone(), decision.state, decision.reason.clone());
        let said = std::mem::replace(&mut self.said_stuck, stuck && decision.weights == Weights::Hold);
        match (said, self.said_stuck) {
            (_, true) => Some(Notice::Stuck { group, state, reason }),
            (true, false) => Some(Notice::Unstuck { group, reason }),
            (false, false) => None,
        }
    }

    pub fn new(record: Record) -> Self {
        Self {
            record,
            stopwatches: Stopwatches::default(),
            phase: Phase::Idle,
            dirty: None,
            queued: false,
            backoff: Backoff::default(),
            doubts: Vec::new(),
            said: None,
            warned: Vec::new(),
            stuck: false,
            said_stuck: false,
            waiting: false,
            fight: Fight::default(),
            counted: None,
            refused: false,
        }
    }

    /// Takes in the object as it is now, unless what is known is newer.
    pub fn adopt(&mut self, record: Record) {
        if record.meta.uid != self.record.meta.uid {
            self.stopwatches = Stopwatches::default();
        } else if is_older(&record.meta.resource_version, &self.record.meta.resource_version) {
            return;
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

    /// Marks it to be looked at. The strongest cause counts, from when the first one was heard.
    pub fn touch(&mut self, cause: Cause, now: Duration) {
        let (strongest, since) = self.dirty.unwrap_or((cause, now));
        self.dirty = Some((strongest.max(cause), since));
    }
}

/// Versions of one object are numbers that grow; what is no number is never older.
fn is_older(version: &str, than: &str) -> bool {
    matches!((version.parse::<u64>(), than.parse::<u64>()), (Ok(version), Ok(than)) if version < than)
}
