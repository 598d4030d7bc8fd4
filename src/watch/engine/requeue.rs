//! When groups are to be looked at again.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::model::GroupId;

/// Each group has one alarm at most: what it is looked at for sets the next one.
#[derive(Debug, Default)]
pub struct RequeueTimers {
    in_order: BTreeSet<(Duration, GroupId)>,
    of: HashMap<GroupId, Duration>,
}

impl RequeueTimers {
    /// When the next one rings.
    pub fn next(&self) -> Option<Duration> {
        self.in_order.first().map(|(at, _)| *at)
    }

    /// Has a group looked at by then; it may be sooner.
    pub fn set(&mut self, group: &GroupId, at: Duration) {
        if self.of.get(group).is_some_and(|before| *before <= at) {
            return;
        }
        self.forget(group);
        self.of.insert(group.clone(), at);
        self.in_order.insert((at, group.clone()));
    }

    /// Takes out a group whose time has come.
    pub fn ring(&mut self, now: Duration) -> Option<GroupId> {
        self.next().filter(|at| *at <= now)?;
        let (_, group) = self.in_order.pop_first()?;
        self.of.remove(&group);
        Some(group)
    }

    pub fn forget(&mut self, group: &GroupId) {
        if let Some((group, at)) = self.of.remove_entry(group) {
            self.in_order.remove(&(at, group));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_one_alarm_and_it_is_the_earliest() {
        let group = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let second = Duration::from_secs;
        let mut alarms = RequeueTimers::default();
        for at in [5, 6, 3, 4] {
            alarms.set(&group, second(at));
        }
        assert_eq!(
            (alarms.next(), alarms.ring(second(2))),
            (Some(second(3)), None)
        );
        assert_eq!(alarms.ring(second(9)), Some(group.clone()));
        assert_eq!((alarms.next(), alarms.ring(second(9))), (None, None));
        alarms.set(&group, second(5));
        alarms.forget(&group);
        assert_eq!(alarms.next(), None);
    }
}
