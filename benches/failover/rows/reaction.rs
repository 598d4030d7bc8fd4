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
    let _bare = world.bare(&floor, &world.kubeconfig, 8).answer_slices().await;
    let mut medians = Vec::new();
    for groups in [1, 1000, 5000] {
        let estate = world.estate(world.size(groups), 3).await;
        let _watch = world.watching(&estate, &world.kubeconfig).await;
        let (mut ours, mut bare) = (Flips::of(&estate).await, Flips::of(&floor).await);
        for flip in 0..WARM_UP + 2 * world.size(FLIPS / 2) {
            ours.flip(flip).await;
            bare.flip(flip).await;
        }
        let (ours, bare) = (ours.counted(), bare.counted());
        for (part, words, target) in [(0.5, "median", 1.2), (0.99, "99 of 100", 1.5)] {
            let row = format!("reaction, one group of {}, {words}", estate.groups);
            let (ours, bare) = (percentile(ours, part), percentile(bare, part));
            report.add(row, ours, "ms", Some(bare), Target::Times(target));
        }
        medians.push((percentile(ours, 0.5), percentile(bare, 0.5)));
    }
    let [one, .., most] = medians.as_slice() else { return };
    let row = "reaction, median: among the most groups against one";
    report.add(row, most.0, "ms", Some(one.0), Target::Times(1.2));
    // The machine is another minutes later: what is compared is how much longer than the floor each takes.
    let row = "reaction, median against the floor: among the most groups against one";
    report.add(row, most.0 / most.1, "×", Some(one.0 / one.1), Target::Times(1.2));
}

/// Primaries that go and come back, each from when the API server has acknowledged it until the weights are seen.
struct Flips<'a> {
    estate: &'a Estate,
    outside: Outside,
    times: Vec<Duration>,
}

impl<'a> Flips<'a> {
    async fn of(estate: &'a Estate) -> Self {
        Self { estate, outside: Outside::of(estate).await, times: Vec::new() }
    }

    /// Every second flip brings back what the one before it took away.
    async fn flip(&mut self, number: usize) {
        let service = name(number / 2 * 7919 % self.estate.groups);
        let away = number.is_multiple_of(2);
        self.estate.set_ready(&service, !away).await;
        let acknowledged = Instant::now();
        let seen = self.outside.until(&service, away).await;
        self.times.push(seen.saturating_duration_since(acknowledged));
    }

    fn counted(&self) -> &[Duration] {
        &self.times[WARM_UP..]
    }
}
