//! The number of groups in each state, and of exposed groups, for the metrics.

use std::collections::BTreeMap;

use crate::model::State;

#[derive(Debug, Default)]
pub struct StateCounts {
    counts: BTreeMap<State, usize>,
    exposed: usize,
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

    /// Counts a group that was exposed before, or is exposed now.
    pub fn change_exposed(&mut self, before: bool, now: bool) {
        if before != now {
            self.has_changed = true;
            self.exposed = (self.exposed + usize::from(now)).saturating_sub(usize::from(before));
        }
    }

    /// Returns every state that a group has had and its count, and the number of exposed groups, if
    /// a count has changed since the last call.
    pub fn take_changed(&mut self) -> Option<(&BTreeMap<State, usize>, usize)> {
        std::mem::take(&mut self.has_changed).then_some((&self.counts, self.exposed))
    }
}
