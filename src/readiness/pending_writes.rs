//! Holds changes back that somebody is about to write (debounce): an observer sees that a primary is
//! dead some milliseconds before the running watch has moved its traffic.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{DueWrite, GroupId, Status};

/// The changes that controllers should be about to write, by group.
#[derive(Debug, Default)]
pub struct PendingWrites {
    since: HashMap<GroupId, Pending>,
}

#[derive(Debug)]
struct Pending {
    since: Duration,
    /// The same time as the status has it.
    seen: Option<Timestamp>,
    due: DueWrite,
}

impl PendingWrites {
    /// Returns what to show of these groups at `now`: each with a change that may still be written
    /// in time keeps its `last` status, and is left out if it has none. A change that is late
    /// counts as one that nobody writes.
    pub fn settle(&mut self, statuses: Vec<Status>, last: &[Status], now: Duration) -> Settled {
        let before = std::mem::take(&mut self.since);
        let mut settled = Settled::default();
        for status in statuses {
            let Some(due) = status.due.clone() else {
                settled.statuses.push(status);
                continue;
            };
            let known = before.get(&status.id);
            let (since, seen) = match known.filter(|it| it.due.is_same_cause(&due)) {
                Some(pending) => (pending.since, pending.seen),
                _ => (now, status.since),
            };
            let (is_late, is_held) = (now >= since + due.within, !due.is_delayed);
            let pending = Pending { since, seen, due };
            self.since.insert(status.id.clone(), pending);
            if is_late {
                let mut overdue = status.overdue();
                overdue.since = seen.or(overdue.since);
                settled.statuses.push(overdue);
            } else if is_held {
                let last = last.iter().find(|last| last.id == status.id);
                settled.statuses.extend(last.cloned());
                settled.is_incomplete |= last.is_none();
            } else {
                settled.statuses.push(status);
            }
        }
        settled
    }

    /// Returns when the next change will be late.
    pub fn next_late(&self, now: Duration) -> Option<Duration> {
        let late = self.since.values();
        late.map(|pending| pending.since + pending.due.within)
            .filter(|late| *late > now)
            .min()
    }
}

/// The statuses to show.
#[derive(Debug, Default)]
pub struct Settled {
    pub statuses: Vec<Status>,
    /// A group is left out.
    pub is_incomplete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::due::WRITE_GRACE;
    use crate::model::{
        Backend, Carrier, Group, Readiness, Runner, ServiceRef, State, WeightsOrigin,
    };

    const READY: Readiness = Readiness::Known { ready: 1, total: 1 };
    const DEAD: Readiness = Readiness::Known { ready: 0, total: 1 };
    const DELAY: Duration = Duration::from_secs(30);

    fn status(weights: [u64; 2], primary: Readiness, runner: Runner, delay: Duration) -> Status {
        let id = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let backend = |(name, weight)| Backend::new("ns", ServiceRef::new("ns", name), weight);
        let backends = ["web", "web-east"].into_iter().zip(weights).map(backend);
        let mut group = Group::ordinary(id, Carrier::Split, "web".into(), backends.collect(), 0);
        group.policy.failover_delay = delay;
        let (changed, at) = (WeightsOrigin::Created(None), jiff::Timestamp::UNIX_EPOCH);
        Status::of(&group, &[primary, READY], changed, runner, at)
    }

    fn watched(weights: [u64; 2], primary: Readiness) -> Status {
        status(
            weights,
            primary,
            Runner::Watch("loop".into()),
            Duration::ZERO,
        )
    }

    /// The states that are shown of these statuses, each at its time in milliseconds.
    fn shown(steps: &[(u64, Status)]) -> Vec<State> {
        let (mut pending, mut last) = (PendingWrites::default(), Vec::new());
        let mut states = Vec::new();
        for (millis, status) in steps {
            let now = Duration::from_millis(*millis);
            let settled = pending.settle(vec![status.clone()], &last, now);
            if let Some(status) = settled.statuses.first() {
                states.push(status.state);
            }
            last = settled.statuses;
        }
        states
    }

    #[test]
    fn a_failover_that_is_written_in_time_is_one_change() {
        let steps = [
            (0, watched([1, 0], READY)),
            (1_000, watched([1, 0], DEAD)),
            (1_007, watched([1, 0], DEAD)),
            (1_010, watched([0, 1], DEAD)),
            (3_000, watched([0, 1], READY)),
            (3_010, watched([1, 0], READY)),
        ];
        use State::{Failover, Primary};
        let expected = [Primary, Primary, Primary, Failover, Failover, Primary];
        assert_eq!(shown(&steps), expected);
    }

    #[test]
    fn a_move_that_is_not_written_in_time_is_an_outage() {
        let steps = [
            (0, watched([1, 0], READY)),
            (1_000, watched([1, 0], DEAD)),
            (5_999, watched([1, 0], DEAD)),
            (6_000, watched([1, 0], DEAD)),
            (60_000, watched([1, 0], DEAD)),
            (61_000, watched([0, 1], DEAD)),
        ];
        use State::{Down, Failover, Primary};
        let expected = [Primary, Primary, Primary, Down, Down, Failover];
        assert_eq!(shown(&steps), expected);
    }

    #[test]
    fn weights_that_nobody_restores_are_out_of_sync() {
        let steps = [
            (0, watched([1, 0], READY)),
            (1_000, watched([0, 1], READY)),
            (6_000, watched([0, 1], READY)),
        ];
        use State::{OutOfSync, Primary};
        assert_eq!(shown(&steps), [Primary, Primary, OutOfSync]);
    }

    #[test]
    fn a_group_that_nobody_runs_is_down_at_once() {
        let down = status([1, 0], DEAD, Runner::Unattended, DELAY);
        assert_eq!(shown(&[(0, down.clone())]), [State::Down]);
        let steps = [
            (0, watched([1, 0], READY)),
            (10, watched([1, 0], DEAD)),
            (20, down),
        ];
        use State::{Down, Primary};
        assert_eq!(shown(&steps), [Primary, Primary, Down]);
    }

    #[test]
    fn a_first_status_is_left_out_until_it_is_settled() {
        let mut pending = PendingWrites::default();
        let mut settle =
            |status, millis| pending.settle(vec![status], &[], Duration::from_millis(millis));
        assert!(settle(watched([1, 0], DEAD), 0).is_incomplete);
        let settled = settle(watched([0, 1], DEAD), 10);
        assert!(!settled.is_incomplete && settled.statuses.len() == 1);
        assert_eq!(pending.next_late(Duration::ZERO), None);
    }

    #[test]
    fn a_delay_that_is_over_without_a_move_is_an_outage() {
        let delayed = status([1, 0], DEAD, Runner::Watch("loop".into()), DELAY);
        let late = DELAY + WRITE_GRACE;
        let mut pending = PendingWrites::default();
        let mut state = |at| {
            let settled = pending.settle(vec![delayed.clone()], &[], at);
            settled.statuses[0].state
        };
        assert_eq!(state(Duration::ZERO), State::Waiting);
        assert_eq!(state(late - Duration::from_millis(1)), State::Waiting);
        assert_eq!(state(late), State::Down);
        assert_eq!(pending.next_late(Duration::ZERO), Some(late));
        assert_eq!(pending.next_late(late), None);
    }

    #[test]
    fn another_cause_has_its_own_time() {
        let steps = [
            (0, watched([1, 0], READY)),
            (1_000, watched([1, 1], READY)),
            (6_000, watched([1, 1], READY)),
            (7_000, watched([1, 0], DEAD)),
            (11_999, watched([1, 0], DEAD)),
            (12_000, watched([1, 0], DEAD)),
        ];
        use State::{Down, OutOfSync, Primary};
        let expected = [Primary, Primary, OutOfSync, OutOfSync, OutOfSync, Down];
        assert_eq!(shown(&steps), expected);
    }
}
