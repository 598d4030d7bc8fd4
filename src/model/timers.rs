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
                let before = old.iter().find(|watch| watch.service == backend.service);
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
                    let running =
                        watch.running_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
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
            Some(_) => Self { running_since: before.running_since.or(Some(now)), ..before.clone() },
            None => {
                let ran = before.running_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
                Self { spent: before.spent + ran, running_since: None, ..before.clone() }
            }
        }
    }
}
