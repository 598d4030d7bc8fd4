//! Which backends of a group are avoided at a time, and the group after orders to avoid some have
//! ended.

use super::avoid::{Avoid, AvoidChange, AvoidEntry};
use super::group::Group;
use super::readiness::Readiness;
use super::timers::Timers;

impl Group {
    /// Whether its traffic is to keep off backends that it has.
    pub fn is_avoiding(&self) -> bool {
        let mut backends = self.backends.iter();
        backends.any(|backend| self.avoid.entry_for(&backend.name).is_some())
    }

    /// Tells for each backend whether it is avoided while the traffic goes by these weights. None
    /// is unless another one is ready, or unknown and carries: no traffic is ever pinned to what is
    /// dead.
    pub fn avoided(&self, weights: &[u64], readiness: &[Readiness]) -> Vec<bool> {
        let names = self.backends.iter().map(|backend| &backend.name);
        let avoided: Vec<bool> = names
            .map(|name| self.avoid.entry_for(name).is_some())
            .collect();
        let serves = |(index, avoided): (usize, &bool)| {
            let carries = weights.get(index).is_some_and(|weight| *weight > 0);
            let is_unknown = readiness.get(index).is_none_or(Readiness::is_unknown);
            let is_ready = readiness.get(index).is_some_and(Readiness::is_ready);
            !avoided && (is_ready || (is_unknown && carries))
        };
        if avoided.iter().enumerate().any(serves) {
            avoided
        } else {
            vec![false; avoided.len()]
        }
    }

    /// Returns the group after entries have ended. If they took traffic off a primary that is
    /// enough, also for `failback-ready`, neither `failback: manual` nor `failback-delay` does.
    #[must_use]
    pub(crate) fn after(self, change: &AvoidChange, readiness: &[Readiness]) -> Self {
        let names = |entries: &[AvoidEntry]| {
            let mut entries = entries.iter();
            entries.any(|entry| entry.names(self.primary_name()))
        };
        let moved = change.ended.iter().filter(|entry| !entry.elsewhere);
        let may_return = names(&moved.cloned().collect::<Vec<_>>())
            && !names(&change.entries)
            && self.is_enough_to_return(self.primary, readiness);
        let group = Self {
            avoid: Avoid {
                entries: change.entries.clone(),
                broken: None,
            },
            ..self
        };
        if may_return {
            group.without_failback_delay()
        } else {
            group
        }
    }

    /// Whether a backend has enough endpoints to get the traffic back, also for `failback-ready`.
    pub(crate) fn is_enough_to_return(&self, index: usize, readiness: &[Readiness]) -> bool {
        readiness.get(index).is_some_and(|readiness| {
            let too_few = || self.too_few_to_return(index, readiness, &Timers::none());
            readiness.meets(self.threshold(index)) == Some(true) && too_few().is_none()
        })
    }
}
