//! Requests for a group's object whose results have not arrived.

use std::time::Duration;

use jiff::Timestamp;

use super::effect::Moment;
use crate::model::decision::Notes;
use crate::model::notice::Transition;
use crate::model::{Decision, Group, GroupId, LastMove};
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
    pub from: Vec<(String, u64)>,
    pub to: Vec<(String, u64)>,
    /// The `last-move` annotation that it writes. None: it moves no traffic.
    pub last_move: Option<LastMove>,
    pub notes: Notes,
    /// When the engine learned of its cause.
    pub since: Duration,
    /// The resource version that it replaces.
    pub version: String,
}

impl PendingWrite {
    pub fn new(
        request: u64,
        record: &Record,
        group: &Group,
        decision: &Decision,
        change: &Change,
        since: Duration,
        moment: Moment,
    ) -> Self {
        let before = group.weights();
        Self {
            request,
            at: moment.server,
            to: named(group, change.weights.as_ref().unwrap_or(&before)),
            from: named(group, &before),
            last_move: change.last_move.clone(),
            notes: decision.notes.clone(),
            since,
            version: record.meta.resource_version.clone(),
        }
    }

    /// What to report when it is done. None: it moves no traffic.
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

    /// Whether this write left the `last-move` annotation that an object has.
    pub fn is_noted(&self, last: Option<&LastMove>) -> bool {
        last.is_some() && self.last_move.as_ref() == last
    }
}

fn named(group: &Group, weights: &[u64]) -> Vec<(String, u64)> {
    let names = group.backends.iter().map(|backend| backend.name.clone());
    names.zip(weights.iter().copied()).collect()
}
