use std::time::Duration;

use crate::cluster::backoff::Backoff;
use crate::model::decide::Notes;
use crate::model::notice::Transition;
use crate::model::{GroupId, LastMove, Stopwatches};
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
    /// Its slices are being listed again, before a move that no slice has caused.
    Verifying,
    /// A write or a read has failed; the next try is at this time.
    Waiting(Duration),
}

/// A write that has been sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
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
    /// A write that got no answer: it may have been done.
    pub doubt: Option<Pending>,
    /// When its slices were last read for it alone.
    pub verified: Option<Duration>,
    /// What was last said of it, so that it is said once.
    pub said: Option<String>,
    /// That its traffic is stuck has been said.
    pub stuck: bool,
    /// Only a delay keeps its traffic from moving.
    pub waiting: bool,
    /// A write was refused in a way that trying again soon will not change.
    pub refused: bool,
}

impl Tracked {
    pub fn new(record: Record) -> Self {
        Self {
            record,
            stopwatches: Stopwatches::default(),
            phase: Phase::Idle,
            dirty: None,
            queued: false,
            backoff: Backoff::default(),
            doubt: None,
            verified: None,
            said: None,
            stuck: false,
            waiting: false,
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
