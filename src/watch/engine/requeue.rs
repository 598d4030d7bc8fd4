//! Requeue timers: when groups have to be decided on again.
//!
//! tokio-util's DelayQueue is not used: it reads its own clock and wakes a task. The engine is
//! sans-IO: its caller passes the time, so that tests run in virtual time.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::model::GroupId;

/// Each group has at most one timer: the decision that it causes sets the next one.
#[derive(Debug, Default)]
pub struct RequeueTimers {
    by_time: BTreeSet<(Duration, GroupId)>,
    by_group: HashMap<GroupId, Duration>,
}

impl RequeueTimers {
    /// Returns when the next timer fires.
    pub fn next(&self) -> Option<Duration> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Sets a group's timer to this time, unless it fires sooner.
    pub fn set(&mut self, group: &GroupId, at: Duration) {
        if self.by_group.get(group).is_some_and(|before| *before <= at) {
            return;
        }
        self.remove(group);
        self.by_group.insert(group.clone(), at);
        self.by_time.insert((at, group.clone()));
    }

    /// Removes and returns a group whose timer has fired.
    pub fn pop_due(&mut self, now: Duration) -> Option<GroupId> {
        self.next().filter(|at| *at <= now)?;
        let (_, group) = self.by_time.pop_first()?;
        self.by_group.remove(&group);
        Some(group)
    }

    pub fn remove(&mut self, group: &GroupId) {
        if let Some((group, at)) = self.by_group.remove_entry(group) {
            self.by_time.remove(&(at, group));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_one_timer_and_it_is_the_earliest() {
        let group = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let second = Duration::from_secs;
        let mut timers = RequeueTimers::default();
        for at in [5, 6, 3, 4] {
            timers.set(&group, second(at));
        }
        assert_eq!(
            (timers.next(), timers.pop_due(second(2))),
            (Some(second(3)), None)
        );
        assert_eq!(timers.pop_due(second(9)), Some(group.clone()));
        assert_eq!((timers.next(), timers.pop_due(second(9))), (None, None));
        timers.set(&group, second(5));
        timers.remove(&group);
        assert_eq!(timers.next(), None);
    }
}
