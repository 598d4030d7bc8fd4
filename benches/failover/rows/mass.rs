//! All primaries go at once: how long until the last group has moved.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::bare::Bare;
use crate::estate::Estate;
use crate::outside::Outside;
use crate::report::{Report, Target};
use crate::rows::once::best_connections;
use crate::statistics::{median, millis};
use crate::support::{end, operator_rights, restricted_kubeconfig};
use crate::world::World;

const GROUPS: usize = 1000;
const PAIRS: usize = 9;

pub async fn measure(world: &World, report: &mut Report) {
    let [ours, theirs] = estates(world).await;
    let connections = best_connections(world, &theirs, &world.kubeconfig, report, "").await;
    let row = format!("{} primaries gone, as administrator", ours.groups);
    let bare = world.bare(&theirs, &world.kubeconfig, connections);
    pairs(
        world,
        report,
        &row,
        [&ours, &theirs],
        &world.kubeconfig,
        &bare,
    )
    .await;

    let (operator, bare_operator) = (
        restricted_kubeconfig(&world.side(&ours), "operator", &operator_rights()).await,
        restricted_kubeconfig(&world.side(&theirs), "operator", &operator_rights()).await,
    );
    let row = format!("{} primaries gone, as ServiceAccount", ours.groups);
    let bare = world.bare(&theirs, bare_operator.path(), connections);
    pairs(
        world,
        report,
        &row,
        [&ours, &theirs],
        operator.path(),
        &bare,
    )
    .await;
}

pub async fn measure_delayed(world: &World, report: &mut Report) {
    let [ours, theirs] = estates(world).await;
    let (_line, kubeconfig) = world.slow_line(world.delay);
    let away = format!(", {} ms away", world.delay.as_millis());
    let connections = best_connections(world, &theirs, kubeconfig.path(), report, &away).await;
    let row = format!("{} primaries gone{away}", ours.groups);
    let bare = world.bare(&theirs, kubeconfig.path(), connections);
    let time = pairs(
        world,
        report,
        &row,
        [&ours, &theirs],
        kubeconfig.path(),
        &bare,
    )
    .await;
    report.add(
        format!("{row}, in all"),
        time / 1000.0,
        "s",
        None,
        Target::Most(4.0),
    );
}

async fn estates(world: &World) -> [Estate; 2] {
    let groups = world.size(GROUPS);
    [world.estate(groups, 3).await, world.estate(groups, 3).await]
}

/// The plugin and the bare program in turn, each on groups of its own. Gives the plugin's median.
async fn pairs(
    world: &World,
    report: &mut Report,
    row: &str,
    [ours, theirs]: [&Estate; 2],
    kubeconfig: &Path,
    bare: &Bare,
) -> f64 {
    let watch = world.watching(ours, kubeconfig).await;
    let answering = bare.answer_slices().await;
    let (mut our_times, mut bare_times) = (Vec::new(), Vec::new());
    for pair in 0..=PAIRS {
        // Each goes first in turn: what one leaves to be cleaned up, the other meets.
        let times = if pair % 2 == 0 {
            let first = fail_over(ours).await;
            (first, fail_over(theirs).await)
        } else {
            let first = fail_over(theirs).await;
            (fail_over(ours).await, first)
        };
        // The first pair opens the connections.
        if pair > 0 {
            our_times.push(times.0);
            bare_times.push(times.1);
            eprintln!(
                "# {:.0} ms, bare {:.0} ms",
                millis(times.0),
                millis(times.1)
            );
        }
    }
    drop(answering);
    end(watch).await;
    let (our_time, bare_time) = (median(&our_times), median(&bare_times));
    report.add(row, our_time, "ms", Some(bare_time), Target::Times(1.2));
    our_time
}

/// Deletes all primaries' slices until the last group has moved; then puts everything back.
async fn fail_over(estate: &Estate) -> Duration {
    let mut outside = Outside::of(estate).await;
    let started = Instant::now();
    estate.delete_primaries().await;
    let moved = outside.until_all(estate.groups, true).await;
    estate.restore_primaries().await;
    outside.until_all(estate.groups, false).await;
    moved.saturating_duration_since(started)
}
