//! One slice changes: how long until the weights have moved.

use std::time::{Duration, Instant};

use crate::estate::{Estate, name};
use crate::outside::Outside;
use crate::report::{Report, Target};
use crate::statistics::percentile;
use crate::world::World;

const FLIPS: usize = 500;
/// Flips before those that count. An even number: each that takes away is followed by one that brings back.
const WARM_UP: usize = 10;

pub async fn measure(world: &World, report: &mut Report) {
    let floor = world.estate(1, 3).await;
    let mut estates = Vec::new();
    for groups in [1, 1000, 5000] {
        estates.push(world.estate(world.size(groups), 3).await);
    }
    let _bare = world
        .bare(&floor, &world.kubeconfig, 8)
        .answer_slices()
        .await;
    // All run at once and take turns, so that whatever else the machine does strikes all of them.
    let (mut watches, mut ours, mut bare) = (Vec::new(), Vec::new(), Flips::of(&floor).await);
    for estate in &estates {
        watches.push(world.watching(estate, &world.kubeconfig).await);
        ours.push(Flips::of(estate).await);
    }
    for flip in 0..WARM_UP + 2 * world.size(FLIPS / 2) {
        for flips in ours.iter_mut().chain([&mut bare]) {
            flips.flip(flip).await;
        }
    }
    for (part, words, target) in [(0.5, "median", 1.2), (0.99, "99 of 100", 1.5)] {
        let bare = percentile(bare.counted(), part);
        for flips in &ours {
            let row = format!("reaction, one group of {}: {words}", flips.estate.groups);
            report.add(
                row,
                percentile(flips.counted(), part),
                "ms",
                Some(bare),
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
        most.estate.groups
    );
    report.add(
        row,
        median(most),
        "ms",
        Some(median(one)),
        Target::Times(1.2),
    );
}

/// Primaries that go and come back, each from when the API server has acknowledged it until the weights are seen.
struct Flips<'a> {
    estate: &'a Estate,
    outside: Outside,
    times: Vec<Duration>,
}

impl<'a> Flips<'a> {
    async fn of(estate: &'a Estate) -> Self {
        Self {
            estate,
            outside: Outside::of(estate).await,
            times: Vec::new(),
        }
    }

    /// Every second flip brings back what the one before it took away.
    async fn flip(&mut self, number: usize) {
        let service = name(number / 2 * 7919 % self.estate.groups);
        let away = number.is_multiple_of(2);
        self.estate.set_ready(&service, !away).await;
        let acknowledged = Instant::now();
        let seen = self.outside.until(&service, away).await;
        self.times
            .push(seen.saturating_duration_since(acknowledged));
    }

    fn counted(&self) -> &[Duration] {
        &self.times[WARM_UP..]
    }
}
