use std::collections::BTreeMap;

use jiff::Timestamp;

use super::annotations::{HELD, LAST_MOVE, OVERRIDE, PAUSED, PRIMARY_SERVICE};
use crate::model::decide::Notes;
use crate::model::moves::write_weights;
use crate::model::{Decision, Group, LastMove, Override, Pause, Weights};

/// What is to change on a group's object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Value of the label that makes an object a group; none: leave it.
    pub controlled_by: Option<String>,
    /// One weight for each backend; none: leave them.
    pub weights: Option<Vec<u64>>,
    /// Annotations by key, without the prefix; no value: take it away.
    pub annotations: BTreeMap<&'static str, Option<String>>,
    /// The note of the move, where traffic moves.
    pub last_move: Option<LastMove>,
    /// The home that an override remembers, where one is written.
    pub home: Option<String>,
}

impl Change {
    /// What a decision asks for, signed by `by` at `now` by the API server's clock.
    ///
    /// # Errors
    /// Where a note can't be written as JSON.
    pub fn of(
        group: &Group,
        decision: &Decision,
        by: &str,
        now: Timestamp,
    ) -> serde_json::Result<Self> {
        let mut change = Self::default();
        let notes = &decision.notes;
        let mut why = decision.reason.clone();
        if let Some(home) = &notes.end_override {
            change = change.ending_override(Some(home));
            why = format!("the override is over, and {why}");
        }
        if notes.end_pause {
            change = change.resuming();
        }
        change = change.noting(notes, now);
        match &decision.weights {
            Weights::Hold => Ok(change),
            Weights::Set(weights) => {
                change.moving(group, weights, by, &why, decision.unverified, now)
            }
        }
    }

    /// Notes since when `failback: manual` keeps traffic away, or that it no longer does.
    #[must_use]
    pub fn noting(mut self, notes: &Notes, now: Timestamp) -> Self {
        if let Some(held) = notes.held {
            self.annotations
                .insert(HELD, held.then(|| format!("{now:.0}")));
        }
        self
    }

    /// Moves traffic too, with a note of who and why.
    ///
    /// # Errors
    /// Where the note can't be written as JSON.
    pub fn moving(
        mut self,
        group: &Group,
        weights: &[u64],
        by: &str,
        why: &str,
        unverified: bool,
        now: Timestamp,
    ) -> serde_json::Result<Self> {
        let note = LastMove {
            from: write_weights(group, &group.weights()),
            to: write_weights(group, weights),
            at: now,
            by: by.to_owned(),
            why: why.to_owned(),
            unverified,
            home: self.home.clone(),
        };
        self.annotations
            .insert(LAST_MOVE, Some(serde_json::to_string(&note)?));
        self.weights = Some(weights.to_vec());
        self.last_move = Some(note);
        Ok(self)
    }

    /// Writes an override, and makes its target the primary.
    ///
    /// # Errors
    /// Where it can't be written as JSON.
    pub fn overriding(mut self, order: &Override) -> serde_json::Result<Self> {
        self.annotations
            .insert(OVERRIDE, Some(serde_json::to_string(order)?));
        self.annotations
            .insert(PRIMARY_SERVICE, Some(order.to.clone()));
        self.home = Some(order.home.clone()).filter(|home| !home.is_empty());
        Ok(self)
    }

    /// Makes the object a group.
    #[must_use]
    pub fn adopting(mut self, controlled_by: &str) -> Self {
        self.controlled_by = Some(controlled_by.to_owned());
        self
    }

    /// Sets annotations, without the prefix; no value: take it away.
    #[must_use]
    pub fn setting(
        mut self,
        annotations: impl IntoIterator<Item = (&'static str, Option<String>)>,
    ) -> Self {
        self.annotations.extend(annotations);
        self
    }

    /// Takes the override away and, where a home is named, makes it the primary again.
    #[must_use]
    pub fn ending_override(mut self, home: Option<&str>) -> Self {
        self.annotations.insert(OVERRIDE, None);
        if let Some(home) = home {
            self.annotations
                .insert(PRIMARY_SERVICE, Some(home.to_owned()));
        }
        self
    }

    /// Has the loop leave the group alone.
    ///
    /// # Errors
    /// Where it can't be written as JSON.
    pub fn pausing(mut self, pause: &Pause) -> serde_json::Result<Self> {
        self.annotations
            .insert(PAUSED, Some(serde_json::to_string(pause)?));
        Ok(self)
    }

    /// Has the loop take the group up again.
    #[must_use]
    pub fn resuming(mut self) -> Self {
        self.annotations.insert(PAUSED, None);
        self
    }
}
