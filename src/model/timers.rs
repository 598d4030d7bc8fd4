//! Timers for the delays of a policy: how long each backend has been enough, or short.

use std::time::Duration;

use super::group::Group;
use super::ids::ServiceRef;
use super::policy::MinReady;
use super::readiness::Readiness;

/// How long each backend has been enough, or short, without a change. None if no time was measured:
/// then a configured delay still has to pass in full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timers(pub Vec<Option<Duration>>);

impl Timers {
    /// Returns the timers of a command that has just started.
    pub fn none() -> Self {
        Self::default()
    }

    /// Returns how long this backend has been enough, or short; none if no time was measured.
    pub fn spent(&self, backend: usize) -> Option<Duration> {
        self.0.get(backend).copied().flatten()
    }

    /// Returns how much of `delay` is left for this backend; none once it has elapsed.
    pub fn left(&self, backend: usize, delay: Duration) -> Option<Duration> {
        let spent = self.spent(backend).unwrap_or_default();
        delay.checked_sub(spent).filter(|left| !left.is_zero())
    }
}

/// Keeps the timers of one group. `now` is a monotonic time since any fixed start.
#[derive(Debug, Clone, Default)]
pub struct Stopwatches(Vec<Stopwatch>);

/// How long the most ready endpoints of a backend are remembered, at least; at most twice as long.
const PEAK_MEMORY: Duration = Duration::from_secs(5 * 60);

/// The most ready endpoints that a backend has had lately: those of a primary that is drained go
/// one by one before traffic leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Peak {
    last: u32,
    /// The most since `since`.
    current: u32,
    /// The most in the period before.
    previous: u32,
    since: Duration,
}

impl Peak {
    fn observe(&mut self, ready: Option<u32>, now: Duration) {
        let age = now.saturating_sub(self.since);
        if age >= PEAK_MEMORY {
            // What was there last was there until now.
            self.previous = if age < PEAK_MEMORY * 2 {
                self.current
            } else {
                self.last
            };
            (self.current, self.since) = (self.last, now);
        }
        if let Some(ready) = ready {
            self.last = ready;
            self.current = self.current.max(ready);
        }
    }

    fn most(&self) -> u32 {
        self.previous.max(self.current)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stopwatch {
    service: ServiceRef,
    threshold: MinReady,
    is_primary: bool,
    enough: bool,
    /// It was seen to become so, and its readiness has been known ever since.
    saw_begin: bool,
    spent: Duration,
    /// When it was last started; none while the readiness is unknown, which does not count.
    running_since: Option<Duration>,
    peak: Peak,
}

impl Stopwatches {
    /// Records the readiness of every backend at `now`. A timer restarts if its backend's role or
    /// threshold changes. `group` is the effective one: see [`Group::at`].
    pub fn observe(&mut self, group: &Group, readiness: &[Readiness], now: Duration) {
        let old = std::mem::take(&mut self.0);
        self.0 = group
            .backends
            .iter()
            .enumerate()
            .map(|(index, backend)| {
                let same = |watch: &&Stopwatch| watch.service == backend.service;
                // Backends seldom change their order.
                let before = old
                    .get(index)
                    .filter(same)
                    .or_else(|| old.iter().find(same));
                let fresh = Stopwatch {
                    service: backend.service.clone(),
                    threshold: group.threshold(index),
                    is_primary: index == group.primary,
                    enough: false,
                    saw_begin: false,
                    spent: Duration::ZERO,
                    running_since: None,
                    peak: Peak::default(),
                };
                let mut peak = before.map(|before| before.peak.clone()).unwrap_or_default();
                let counts = readiness.get(index).and_then(Readiness::counts);
                peak.observe(counts.map(|(ready, _)| ready), now);
                let following = fresh.following(before, readiness.get(index), now);
                Stopwatch { peak, ..following }
            })
            .collect();
    }

    /// Returns the most ready endpoints that a backend has had in the last minutes.
    pub fn recent_peak(&self, backend: usize) -> Option<u32> {
        self.0.get(backend).map(|watch| watch.peak.most())
    }

    /// Returns whether the time of a backend is its whole time: it may have been so for longer if
    /// it was not seen to become so.
    pub fn saw_begin(&self, backend: usize) -> bool {
        self.0.get(backend).is_some_and(|watch| watch.saw_begin)
    }

    /// Returns the timers at `now`.
    pub fn read(&self, now: Duration) -> Timers {
        Timers(
            self.0
                .iter()
                .map(|watch| Some(watch.spent + watch.running(now)))
                .collect(),
        )
    }
}

impl Stopwatch {
    /// Returns this new stopwatch with the time that it takes over from `before`.
    fn following(
        self,
        before: Option<&Self>,
        readiness: Option<&Readiness>,
        now: Duration,
    ) -> Self {
        let enough = readiness.and_then(|readiness| readiness.meets(self.threshold));
        let has_same_role = |before: &&Self| {
            before.is_primary == self.is_primary && before.threshold == self.threshold
        };
        match (enough, before.filter(has_same_role)) {
            (Some(enough), Some(before)) if enough == before.enough => Self {
                saw_begin: before.saw_begin && before.running_since.is_some(),
                running_since: before.running_since.or(Some(now)),
                ..before.clone()
            },
            (None, Some(before)) => Self {
                spent: before.spent + before.running(now),
                running_since: None,
                ..before.clone()
            },
            (_, before) => Self {
                enough: enough.unwrap_or_default(),
                saw_begin: before.is_some_and(|before| before.running_since.is_some()),
                running_since: enough.map(|_| now),
                ..self
            },
        }
    }

    /// Returns how long it has been running since it was last started.
    fn running(&self, now: Duration) -> Duration {
        self.running_since
            .map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Backend, Carrier, GroupId, WhyUnknown};

    const READY: Readiness = Readiness::Known { ready: 1, total: 1 };
    const DEAD: Readiness = Readiness::Known { ready: 0, total: 1 };
    const UNKNOWN: Readiness = Readiness::Unknown {
        why: WhyUnknown::NotListed,
    };

    fn group() -> Group {
        let backend = |name: &str| Backend::new("ns", ServiceRef::new("ns", name), 1);
        let id = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        Group::ordinary(
            id,
            Carrier::Split,
            "web".into(),
            vec![backend("web"), backend("web-east")],
            0,
        )
    }

    /// Observes the readiness of both backends at these seconds, and returns the times at the last
    /// one.
    fn times(steps: &[(u64, Readiness)]) -> Vec<Option<Duration>> {
        let mut watches = Stopwatches::default();
        let mut now = Duration::ZERO;
        for (second, readiness) in steps {
            now = Duration::from_secs(*second);
            watches.observe(&group(), &[readiness.clone(), readiness.clone()], now);
        }
        watches.read(now).0
    }

    #[test]
    fn a_time_that_was_not_seen_to_begin_may_be_longer() {
        let saw_begin = |steps: &[Readiness]| {
            let mut watches = Stopwatches::default();
            for (second, readiness) in (0..).zip(steps) {
                let now = Duration::from_secs(second);
                watches.observe(&group(), &[readiness.clone(), READY], now);
            }
            watches.saw_begin(0)
        };
        assert!(!saw_begin(&[DEAD, DEAD]), "the outage was there before");
        assert!(!saw_begin(&[UNKNOWN, DEAD]));
        assert!(saw_begin(&[READY, DEAD, DEAD]));
        assert!(!saw_begin(&[READY, UNKNOWN, DEAD]));
        assert!(!saw_begin(&[READY, DEAD, UNKNOWN, DEAD]));
        assert!(saw_begin(&[DEAD, READY, DEAD]));
    }

    fn both(seconds: u64) -> Vec<Option<Duration>> {
        vec![Some(Duration::from_secs(seconds)); 2]
    }

    #[test]
    fn time_runs_while_nothing_changes() {
        assert_eq!(times(&[(3, DEAD), (5, DEAD), (9, DEAD)]), both(6));
    }

    #[test]
    fn a_flapping_backend_restarts_its_timer_each_time() {
        assert_eq!(
            times(&[(0, READY), (5, DEAD), (6, READY), (7, DEAD), (9, DEAD)]),
            both(2)
        );
    }

    #[test]
    fn unknown_readiness_stops_the_timer_without_a_reset() {
        assert_eq!(times(&[(0, DEAD), (4, UNKNOWN), (60, UNKNOWN)]), both(4));
        assert_eq!(
            times(&[(0, DEAD), (4, UNKNOWN), (60, DEAD), (63, DEAD)]),
            both(7)
        );
        assert_eq!(
            times(&[(0, DEAD), (4, UNKNOWN), (60, READY), (63, READY)]),
            both(3)
        );
        assert_eq!(times(&[(0, UNKNOWN), (60, DEAD), (63, DEAD)]), both(3));
    }

    #[test]
    fn another_role_or_threshold_restarts_the_timer() {
        let mut watches = Stopwatches::default();
        let seconds = Duration::from_secs;
        watches.observe(&group(), &[READY, READY], seconds(0));
        watches.observe(
            &Group {
                primary: 1,
                ..group()
            },
            &[READY, READY],
            seconds(10),
        );
        assert_eq!(watches.read(seconds(12)).0, both(2));
        let mut stricter = Group {
            primary: 1,
            ..group()
        };
        stricter.policy.min_ready = MinReady::Percent(50);
        watches.observe(&stricter, &[READY, READY], seconds(20));
        let read = watches.read(seconds(21));
        assert_eq!(
            read.0,
            [Some(seconds(11)), Some(seconds(1))],
            "only the primary has the threshold"
        );
        assert_eq!(read.left(1, seconds(3)), Some(seconds(2)));
        assert_eq!(read.left(0, seconds(3)), None);
    }

    #[test]
    fn the_most_ready_endpoints_are_remembered_for_minutes() {
        let mut watches = Stopwatches::default();
        let mut peak_at = |minute: u64, ready: u32| {
            let readiness = Readiness::Known { ready, total: 30 };
            let now = Duration::from_secs(60 * minute);
            watches.observe(&group(), &[readiness, UNKNOWN], now);
            watches.recent_peak(0)
        };
        assert_eq!(peak_at(0, 30), Some(30));
        assert_eq!(peak_at(60, 10), Some(30), "there were 30 until now");
        assert_eq!(peak_at(64, 0), Some(30));
        assert_eq!(peak_at(66, 0), Some(30));
        assert_eq!(peak_at(71, 0), Some(0));
        assert_eq!(peak_at(90, 2), Some(2));
    }

    #[test]
    fn an_added_backend_starts_a_new_timer() {
        let mut watches = Stopwatches::default();
        let mut alone = group();
        alone.backends.truncate(1);
        watches.observe(&alone, &[READY], Duration::ZERO);
        watches.observe(&group(), &[READY, READY], Duration::from_secs(4));
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(
            watches.read(Duration::from_secs(5)).0,
            [seconds(5), seconds(1)]
        );
    }
}
