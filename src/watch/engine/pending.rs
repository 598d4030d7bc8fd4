//! Requests for a group's object that are in flight.

use std::time::Duration;

use jiff::Timestamp;

use super::effect::Moment;
use crate::model::decision::AnnotationChanges;
use crate::model::transition::{After, Transition};
use crate::model::{Decision, Group, LastMove};
use crate::resource::annotations::{OVERRIDE, PAUSED};
use crate::resource::{Change, Record};

/// A read of the object.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingRead {
    pub request: u64,
    /// The resource version that was known when the read started.
    pub known_version: String,
    /// The write that the API server rejected, if it is the reason for the read.
    pub rejected: Option<RejectedWrite>,
}

/// A write that the API server rejected: the object may have changed.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedWrite {
    pub write: PendingWrite,
    pub error: String,
}

/// A write of the object.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingWrite {
    pub request: u64,
    /// When the write was decided on, by the API server's clock.
    pub at: Timestamp,
    /// The move to report when the write is done, if it moves traffic.
    transition: Option<Transition>,
    /// The weights that it sets, those of standbys included.
    pub weights: Option<Vec<u64>>,
    /// The `last-move` annotation that it writes. None: it does not move traffic.
    pub last_move: Option<LastMove>,
    pub notes: AnnotationChanges,
    /// When the engine learned of its cause.
    since: Duration,
    decided: Duration,
    /// The resource version that it replaces.
    pub version: String,
}

impl PendingWrite {
    /// Returns the write for a decision, and the change to the object. None: the group is invalid.
    pub fn prepare(
        request: u64,
        record: &Record,
        decision: &Decision,
        since: Duration,
        moment: Moment,
        signature: &str,
        waited: Option<After>,
    ) -> Option<(Self, Change)> {
        let group = record.group.as_ref().ok()?;
        let change = Change::of(group, decision, signature, moment.server).ok()?;
        let before = group.weights();
        let after = change.moves_to.as_ref().unwrap_or(&before);
        let transition = change.last_move.as_ref().map(|last| Transition {
            group: record.id(),
            apex: record.apex.clone(),
            at: last.at,
            from: named(group, &before),
            to: named(group, after),
            why: decision.why_moved(&decision.reason),
            unverified: last.unverified,
            took: Duration::ZERO,
            after: waited,
        });
        let write = Self {
            request,
            at: moment.server,
            transition,
            weights: change.weights.clone(),
            last_move: change.last_move.clone(),
            notes: decision.notes.clone(),
            since,
            decided: moment.now,
            version: record.meta.resource_version.clone(),
        };
        Some((write, change))
    }

    /// Returns the move to report if the write is done now. None: it does not move traffic.
    pub fn transition(&self, now: Duration) -> Option<Transition> {
        let took = now.saturating_sub(self.since);
        let mut transition = self.transition.clone()?;
        transition.took = took;
        if let Some(after) = &mut transition.after {
            after.lasted += now.saturating_sub(self.decided);
        }
        Some(transition)
    }

    /// Returns whether an object shows this write.
    pub fn is_in(&self, record: &Record) -> bool {
        if self.last_move.is_some() {
            return self.is_noted(record.meta.last_move().as_ref());
        }
        let has = |key| record.meta.annotations.get(key).is_some();
        let ends_override = self.notes.end_override.is_some();
        let ends_pause = self.notes.end_pause;
        let avoid = self.notes.avoid.as_ref().map(|change| &change.entries);
        let left = record.group.as_ref().map(|group| &group.avoid.entries);
        self.notes.ends_order()
            && !(ends_override && has(OVERRIDE))
            && !(ends_pause && has(PAUSED))
            && avoid.is_none_or(|entries| left == Ok(entries))
    }

    /// Returns whether an object's `last-move` annotation comes from this write.
    pub fn is_noted(&self, last: Option<&LastMove>) -> bool {
        last.is_some() && self.last_move.as_ref() == last
    }
}

fn named(group: &Group, weights: &[u64]) -> Vec<(String, u64)> {
    let names = group.backends.iter().map(|backend| backend.name.clone());
    names.zip(weights.iter().copied()).collect()
}
