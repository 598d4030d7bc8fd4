//! How many groups are in which state.

use std::collections::BTreeMap;

use crate::model::State;

#[derive(Debug, Default)]
pub struct StateCounts {
    counts: BTreeMap<State, usize>,
    has_changed: bool,
}

impl StateCounts {
    /// Moves a group from the state that it was counted in.
    pub fn change(&mut self, counted: &mut Option<State>, now: Option<State>) {
        let before = std::mem::replace(counted, now);
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

    /// Every state that a group has had, and how many are in it, unless that was told before.
    pub fn news(&mut self) -> Option<&BTreeMap<State, usize>> {
        std::mem::take(&mut self.has_changed).then_some(&self.counts)
    }
}
