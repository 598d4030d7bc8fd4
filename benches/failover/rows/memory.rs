//! How much of a machine the loop takes when the cluster is large.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::estate::{Estate, name};
use crate::outside::Outside;
use crate::process;
use crate::report::{Report, Target};
use crate::statistics::{median, millis};
use crate::support::{Running, end, plugin, started};
use crate::world::World;

const OTHERS: usize = 5000;
const ENDPOINTS: usize = 20;
/// How long bytes are counted.
const WHILE: Duration = Duration::from_secs(30);

pub async fn measure(world: &World, report: &mut Report) {
    let estate = world.estate(world.size(5000), ENDPOINTS).await;
    let watch = world.watching(&estate, &world.kubeconfig).await;
    prove(&estate).await;
    add_memory(
        report,
        &format!("{} groups, {ENDPOINTS} endpoints a service", estate.groups),
        &watch,
        60.0,
    );
}

pub async fn measure_others(world: &World, report: &mut Report) {
    let alone = world.estate(10, ENDPOINTS).await;
    let crowd = world.estate(10, ENDPOINTS).await;
    crowd.add_others(world.size(OTHERS)).await;
    let what = format!("10 groups beside {} other services", world.size(OTHERS));

    let mut first_moves = Vec::new();
    for _ in 0..5 {
        first_moves.push(first_move(world, &crowd).await);
        first_move(world, &alone).await;
    }
    report.add(
        format!("{what}: first move"),
        median(&first_moves),
        "ms",
        None,
        Target::Most(1000.0),
    );

    let received = [
        received(world, report, &crowd, Some(&what)).await,
        received(world, report, &alone, None).await,
    ];
    let [crowd, alone] = received.map(|bytes| bytes as f64 / 1000.0);
    report.add(
        format!("{what}: received in 30 s"),
        crowd,
        "kB",
        Some(alone),
        Target::Times(1.05),
    );
}

/// The start of `watch` until a group has been moved whose primary had gone before.
async fn first_move(world: &World, estate: &Estate) -> Duration {
    let mut outside = Outside::of(estate).await;
    estate.set_ready(&name(0), false).await;
    let started = Instant::now();
    let watch = world.plugin(estate, &world.kubeconfig, &["watch"]).spawn();
    let moved = outside.until(&name(0), true).await;
    estate.set_ready(&name(0), true).await;
    outside.until(&name(0), false).await;
    // Whoever is killed leaves a Lease behind, for which the next run would wait.
    end(watch).await;
    moved.saturating_duration_since(started)
}

async fn received(world: &World, report: &mut Report, estate: &Estate, row: Option<&str>) -> u64 {
    let (line, kubeconfig) = world.slow_line(Duration::ZERO);
    let watch = world.watching(estate, kubeconfig.path()).await;
    prove(estate).await;
    sleep(WHILE).await;
    if let Some(row) = row {
        add_memory(report, row, &watch, 20.0);
    }
    line.received()
}

pub async fn measure_namespaces(world: &World, report: &mut Report) {
    let (namespaces, each) = (world.size(200).max(60), 5);
    let mut estates = Vec::new();
    for _ in 0..namespaces {
        estates.push(world.estate(each, ENDPOINTS).await);
    }
    let (line, kubeconfig) = world.slow_line(Duration::ZERO);
    let everywhere = plugin().args(["watch", "--all-namespaces", "--context", "west"]);
    let watch = started(everywhere.kubeconfig(kubeconfig.path())).await;
    for estate in [&estates[0], &estates[namespaces - 1]] {
        prove(estate).await;
    }
    let what = format!("{} groups in {namespaces} namespaces", namespaces * each);
    add_memory(report, &what, &watch, 60.0);
    let descriptors = process::descriptors(watch.pid());
    report.add(
        format!("{what}: descriptors"),
        descriptors as f64,
        "open",
        None,
        Target::Most(1000.0),
    );
    report.add(
        format!("{what}: connections made"),
        line.connections() as f64,
        "",
        None,
        Target::None,
    );
}

/// Waits until the loop has moved a group there and back: it has read everything then.
pub async fn prove(estate: &Estate) {
    let mut outside = Outside::of(estate).await;
    let last = name(estate.groups - 1);
    for away in [true, false] {
        estate.set_ready(&last, !away).await;
        let started = Instant::now();
        let seen = outside.until(&last, away).await;
        eprintln!(
            "# moved after {:.0} ms",
            millis(seen.saturating_duration_since(started))
        );
    }
}

fn add_memory(report: &mut Report, what: &str, watch: &Running, most: f64) {
    let (now, peak) = process::memory(watch.pid());
    report.add(
        format!("{what}: resident"),
        now,
        "MB",
        None,
        Target::Most(most),
    );
    report.add(
        format!("{what}: resident at most"),
        peak,
        "MB",
        None,
        Target::Most(most),
    );
}
