//! One slice changes: the time until the weights have moved.

use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::external_watch::ExternalWatch;
use crate::fixture::{Fixture, name};
use crate::hostile::Hostile;
use crate::report::{Report, Target};
use crate::statistics::percentile;
use crate::support::started;

const FLIPS: usize = 500;
const HOSTILE_FLIPS: usize = 100;
/// The time between two flips beside a hostile object.
const PAUSE: Duration = Duration::from_millis(50);
/// Flips before those that count. Even, since each failure is followed by a recovery.
const WARM_UP: usize = 10;

pub async fn measure(environment: &Environment, report: &mut Report) {
    let floor = environment.fixture(1, 3).await;
    let mut fixtures = Vec::new();
    for groups in [1, 1000, 5000] {
        fixtures.push(environment.fixture(environment.size(groups), 3).await);
    }
    let _baseline = environment
        .baseline(&floor, &environment.kubeconfig, 8)
        .answer_slices()
        .await;
    // All run at the same time and take turns, so that other load affects all of them equally.
    let (mut watches, mut ours, mut baseline) = (Vec::new(), Vec::new(), Flips::of(&floor).await);
    for fixture in &fixtures {
        watches.push(environment.watching(fixture, &environment.kubeconfig).await);
        ours.push(Flips::of(fixture).await);
    }
    for flip in 0..WARM_UP + 2 * environment.size(FLIPS / 2) {
        for flips in ours.iter_mut().chain([&mut baseline]) {
            flips.flip(flip).await;
        }
    }
    for (part, words, target) in [(0.5, "median", 1.2), (0.99, "99 of 100", 1.5)] {
        let baseline = percentile(baseline.counted(), part);
        for flips in &ours {
            let row = format!("reaction, one group of {}: {words}", flips.fixture.groups);
            report.add(
                row,
                percentile(flips.counted(), part),
                "ms",
                Some(baseline),
                Target::Times(target),
            );
        }
    }
    let [one, .., most] = ours.as_slice() else {
        return;
    };
    let median = |flips: &Flips| percentile(flips.counted(), 0.5);
    let row = format!(
        "reaction, median: one group of {} against one alone",
        most.fixture.groups
    );
    report.add(
        row,
        median(most),
        "ms",
        Some(median(one)),
        Target::Times(1.2),
    );
}

/// The same beside an object of a hostile tenant. Before, that object is edited in a namespace that
/// is not watched, so that the API server has the same load.
pub async fn measure_hostile(environment: &Environment, report: &mut Report) {
    for hostile in [Hostile::Split, Hostile::Federation] {
        let elsewhere = environment.fixture(0, 0).await;
        let fixture = environment.fixture(environment.size(100), 3).await;
        let mut args = vec!["watch"];
        if matches!(hostile, Hostile::Federation) {
            args.extend(["--remote", "c0=west"]);
        }
        let watch = started(environment.plugin(&fixture, &environment.kubeconfig, &args)).await;
        let flip_all = async || {
            let mut flips = Flips::of(&fixture).await;
            for flip in 0..WARM_UP + environment.size(HOSTILE_FLIPS) {
                flips.flip(flip).await;
                tokio::time::sleep(PAUSE).await;
            }
            flips
        };
        let beside = async |place: &Fixture| {
            hostile.create(place).await;
            tokio::select! {
                flips = flip_all() => Some(flips),
                () = hostile.edit(place) => None,
            }
        };
        let (Some(without), Some(with)) = (beside(&elsewhere).await, beside(&fixture).await) else {
            return;
        };
        drop(watch);
        for (part, words) in [(0.5, "median"), (0.9, "90 of 100")] {
            report.add(
                format!("reaction beside {}: {words}", hostile.words()),
                percentile(with.counted(), part),
                "ms",
                Some(percentile(without.counted(), part)),
                Target::Times(1.5),
            );
        }
    }
}

/// Primaries that fail and recover. Each time is from the acknowledged write until the weights are
/// seen.
struct Flips<'a> {
    fixture: &'a Fixture,
    external_watch: ExternalWatch,
    times: Vec<Duration>,
}

impl<'a> Flips<'a> {
    async fn of(fixture: &'a Fixture) -> Self {
        Self {
            fixture,
            external_watch: ExternalWatch::of(fixture).await,
            times: Vec::new(),
        }
    }

    /// Every second flip undoes the one before it.
    async fn flip(&mut self, number: usize) {
        let service = name(number / 2 * 7919 % self.fixture.groups);
        let away = number.is_multiple_of(2);
        self.fixture.set_ready(&service, !away).await;
        let acknowledged = Instant::now();
        let seen = self.external_watch.until(&service, away).await;
        self.times
            .push(seen.saturating_duration_since(acknowledged));
    }

    fn counted(&self) -> &[Duration] {
        &self.times[WARM_UP..]
    }
}
