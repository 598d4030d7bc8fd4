use std::time::Duration;

use super::group::{Group, ServiceRef};
use super::policy::MinReady;
use super::readiness::Readiness;

/// For each backend, how long it has been enough, or short, as it is now. None: nobody has kept time, and a
/// configured delay counts as running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timers(pub Vec<Option<Duration>>);

impl Timers {
    /// The timers of a command that has just started.
    pub fn none() -> Self {
        Self::default()
    }

    /// What is left of `delay` for this backend; none when it is over.
    pub fn left(&self, backend: usize, delay: Duration) -> Option<Duration> {
        let spent = self.0.get(backend).copied().flatten().unwrap_or_default();
        delay.checked_sub(spent).filter(|left| !left.is_zero())
    }
}

/// Keeps time for the backends of one group. `now` is monotonic, from any fixed start.
#[derive(Debug, Clone, Default)]
pub struct Stopwatches(Vec<Stopwatch>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stopwatch {
    service: ServiceRef,
    threshold: MinReady,
    is_primary: bool,
    enough: bool,
    spent: Duration,
    /// When it was last started; none while the readiness is unknown.
    running_since: Option<Duration>,
}

impl Stopwatches {
    /// Takes in the readiness of every backend at `now`.
    pub fn observe(&mut self, group: &Group, readiness: &[Readiness], now: Duration) {
        let old = std::mem::take(&mut self.0);
        self.0 = group
            .backends
            .iter()
            .enumerate()
            .map(|(index, backend)| {
                let same = |watch: &&Stopwatch| watch.service == backend.service;
                // Backends seldom change their places.
                let before = old
                    .get(index)
                    .filter(same)
                    .or_else(|| old.iter().find(same));
                Stopwatch::next(before, group, index, readiness.get(index), now)
            })
            .collect();
    }

    /// The times as they stand at `now`.
    pub fn read(&self, now: Duration) -> Timers {
        Timers(
            self.0
                .iter()
                .map(|watch| {
                    let running = watch
                        .running_since
                        .map_or(Duration::ZERO, |since| now.saturating_sub(since));
                    Some(watch.spent + running)
                })
                .collect(),
        )
    }
}

impl Stopwatch {
    fn next(
        before: Option<&Self>,
        group: &Group,
        index: usize,
        readiness: Option<&Readiness>,
        now: Duration,
    ) -> Self {
        let is_primary = index == group.primary;
        let threshold = group.threshold(index);
        let enough = readiness.and_then(|readiness| readiness.meets(threshold));
        let fresh = Self {
            service: group.backends[index].service.clone(),
            threshold,
            is_primary,
            enough: enough.unwrap_or_default(),
            spent: Duration::ZERO,
            running_since: enough.map(|_| now),
        };
        let Some(before) = before else { return fresh };
        if before.is_primary != is_primary || before.threshold != threshold {
            return fresh;
        }
        match enough {
            Some(enough) if enough != before.enough => fresh,
            Some(_) => Self {
                running_since: before.running_since.or(Some(now)),
                ..before.clone()
            },
            None => {
                let ran = before
                    .running_since
                    .map_or(Duration::ZERO, |since| now.saturating_sub(since));
                Self {
                    spent: before.spent + ran,
                    running_since: None,
                    ..before.clone()
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::group::{Backend, Carrier, GroupId};
    use crate::model::readiness::WhyUnknown;

    const READY: Readiness = Readiness::Known { ready: 1, total: 1 };
    const DEAD: Readiness = Readiness::Known { ready: 0, total: 1 };
    const UNKNOWN: Readiness = Readiness::Unknown {
        why: WhyUnknown::Silent,
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

    /// Shows the readiness of both backends at each second given, and reads the times at the last one.
    fn times(steps: &[(u64, Readiness)]) -> Vec<Option<Duration>> {
        let mut watches = Stopwatches::default();
        let mut now = Duration::ZERO;
        for (second, readiness) in steps {
            now = Duration::from_secs(*second);
            watches.observe(&group(), &[readiness.clone(), readiness.clone()], now);
        }
        watches.read(now).0
    }

    fn both(seconds: u64) -> Vec<Option<Duration>> {
        vec![Some(Duration::from_secs(seconds)); 2]
    }

    #[test]
    fn time_runs_while_nothing_changes() {
        assert_eq!(times(&[(3, DEAD), (5, DEAD), (9, DEAD)]), both(6));
    }

    #[test]
    fn a_backend_that_flaps_starts_again_each_time() {
        assert_eq!(
            times(&[(0, READY), (5, DEAD), (6, READY), (7, DEAD), (9, DEAD)]),
            both(2)
        );
    }

    #[test]
    fn time_spent_unknown_does_not_count_and_loses_nothing() {
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
    fn another_role_or_threshold_starts_again() {
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
    fn a_backend_that_is_added_starts_from_nothing() {
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
