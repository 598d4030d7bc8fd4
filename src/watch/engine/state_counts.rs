//! The number of groups in each state, for the metrics.

use std::collections::BTreeMap;

use crate::model::State;

#[derive(Debug, Default)]
pub struct StateCounts {
    counts: BTreeMap<State, usize>,
    has_changed: bool,
}

impl StateCounts {
    /// Counts a group that changed from the state `before` to the state `now`.
    pub fn change(&mut self, before: Option<State>, now: Option<State>) {
        if before == now {
            return;
        }
        self.has_changed = true;
        if let Some(count) = before.and_then(|state| self.counts.get_mut(&state)) {
            *count = count.saturating_sub(1);
        }
        if let Some(state) = now {
            *self.counts.entry(state).or_default() += 1;
        }
    }

    /// Returns every state that a group has had and its count, if a count has changed since the
    /// last call.
    pub fn take_changed(&mut self) -> Option<&BTreeMap<State, usize>> {
        std::mem::take(&mut self.has_changed).then_some(&self.counts)
    }
}
