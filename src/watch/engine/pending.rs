//! Requests for a group's object whose results have not arrived.

use std::time::Duration;

use jiff::Timestamp;

use super::effect::Moment;
use crate::model::decision::AnnotationChanges;
use crate::model::notice::Transition;
use crate::model::{Decision, Group, LastMove};
use crate::resource::{Change, Record};

/// A read of the object.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingRead {
    pub request: u64,
    /// The resource version that was known when the read started.
    pub known_version: String,
    /// The write that the API server rejected, if that is why the object is read.
    pub rejected: Option<PendingWrite>,
}

/// A write of the object.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingWrite {
    pub request: u64,
    /// When it was decided, by the API server's clock.
    pub at: Timestamp,
    /// What to report when it is done, if it moves traffic.
    transition: Option<Transition>,
    /// The `last-move` annotation that it writes. None: it moves no traffic.
    pub last_move: Option<LastMove>,
    pub notes: AnnotationChanges,
    /// When the engine learned of its cause.
    since: Duration,
    /// The resource version that it replaces.
    pub version: String,
}

impl PendingWrite {
    /// The write that a decision asks for, and the change to the object. None: the group is
    /// invalid.
    pub fn prepare(
        request: u64,
        record: &Record,
        decision: &Decision,
        since: Duration,
        moment: Moment,
        signature: &str,
    ) -> Option<(Self, Change)> {
        let group = record.group.as_ref().ok()?;
        let change = Change::of(group, decision, signature, moment.server).ok()?;
        let before = group.weights();
        let after = change.weights.as_ref().unwrap_or(&before);
        let transition = change.last_move.as_ref().map(|last| Transition {
            group: record.id(),
            apex: record.apex.clone(),
            at: last.at,
            from: named(group, &before),
            to: named(group, after),
            why: last.why.clone(),
            unverified: last.unverified,
            took: Duration::ZERO,
        });
        let write = Self {
            request,
            at: moment.server,
            transition,
            last_move: change.last_move.clone(),
            notes: decision.notes.clone(),
            since,
            version: record.meta.resource_version.clone(),
        };
        Some((write, change))
    }

    /// What to report if it is done now. None: it moves no traffic.
    pub fn transition(&self, now: Duration) -> Option<Transition> {
        let took = now.saturating_sub(self.since);
        self.transition
            .clone()
            .map(|transition| Transition { took, ..transition })
    }

    /// The weights that it sets, if it moves traffic.
    pub fn weights(&self) -> Option<Vec<u64>> {
        let transition = self.transition.as_ref()?;
        Some(transition.to.iter().map(|(_, weight)| *weight).collect())
    }

    /// Returns whether this write left the `last-move` annotation that an object has.
    pub fn is_noted(&self, last: Option<&LastMove>) -> bool {
        last.is_some() && self.last_move.as_ref() == last
    }
}

fn named(group: &Group, weights: &[u64]) -> Vec<(String, u64)> {
    let names = group.backends.iter().map(|backend| backend.name.clone());
    names.zip(weights.iter().copied()).collect()
}
