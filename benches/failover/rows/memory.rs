//! The memory and the traffic of a watch in a large cluster.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::environment::Environment;
use crate::external_watch::ExternalWatch;
use crate::fixture::{Fixture, name};
use crate::process;
use crate::report::{Report, Target};
use crate::statistics::{median, millis};
use crate::support::{Running, end, plugin, started};

const OTHERS: usize = 5000;
const ENDPOINTS: usize = 20;
/// How long bytes are counted.
const OBSERVED_TIME: Duration = Duration::from_secs(30);

pub async fn measure(environment: &Environment, report: &mut Report) {
    let fixture = environment.fixture(environment.size(5000), ENDPOINTS).await;
    let watch = environment
        .watching(&fixture, &environment.kubeconfig)
        .await;
    prove(&fixture).await;
    add_memory(
        report,
        &format!("{} groups, {ENDPOINTS} endpoints a service", fixture.groups),
        &watch,
        60.0,
    );
}

pub async fn measure_others(environment: &Environment, report: &mut Report) {
    let alone = environment.fixture(10, ENDPOINTS).await;
    let crowd = environment.fixture(10, ENDPOINTS).await;
    crowd.add_others(environment.size(OTHERS)).await;
    let what = format!(
        "10 groups beside {} other services",
        environment.size(OTHERS)
    );

    let mut first_moves = Vec::new();
    for _ in 0..5 {
        first_moves.push(first_move(environment, &crowd).await);
        first_move(environment, &alone).await;
    }
    report.add(
        format!("{what}: first move"),
        median(&first_moves),
        "ms",
        None,
        Target::Most(1000.0),
    );

    let received = [
        received(environment, report, &crowd, Some(&what)).await,
        received(environment, report, &alone, None).await,
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

/// Returns the time from the start of `watch` until it has moved a group whose primary was already
/// dead.
async fn first_move(environment: &Environment, fixture: &Fixture) -> Duration {
    let mut external_watch = ExternalWatch::of(fixture).await;
    fixture.set_ready(&name(0), false).await;
    let started = Instant::now();
    let watch = environment
        .plugin(fixture, &environment.kubeconfig, &["watch"])
        .spawn();
    let moved = external_watch.until(&name(0), true).await;
    fixture.set_ready(&name(0), true).await;
    external_watch.until(&name(0), false).await;
    // A killed watch leaves its Lease behind, and the next run would wait for that.
    end(watch).await;
    moved.saturating_duration_since(started)
}

async fn received(
    environment: &Environment,
    report: &mut Report,
    fixture: &Fixture,
    row: Option<&str>,
) -> u64 {
    let (line, kubeconfig) = environment.latency_proxy(Duration::ZERO);
    let watch = environment.watching(fixture, kubeconfig.path()).await;
    prove(fixture).await;
    sleep(OBSERVED_TIME).await;
    if let Some(row) = row {
        add_memory(report, row, &watch, 20.0);
    }
    line.received()
}

pub async fn measure_namespaces(environment: &Environment, report: &mut Report) {
    let (namespaces, each) = (environment.size(200).max(60), 5);
    let mut fixtures = Vec::new();
    for _ in 0..namespaces {
        fixtures.push(environment.fixture(each, ENDPOINTS).await);
    }
    let (line, kubeconfig) = environment.latency_proxy(Duration::ZERO);
    let everywhere = plugin().args(["watch", "--all-namespaces", "--context", "west"]);
    let watch = started(everywhere.kubeconfig(kubeconfig.path())).await;
    for fixture in [&fixtures[0], &fixtures[namespaces - 1]] {
        prove(fixture).await;
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

/// Waits until the watch has moved a group to its fallback and back. It has then read everything.
pub async fn prove(fixture: &Fixture) {
    let mut external_watch = ExternalWatch::of(fixture).await;
    let last = name(fixture.groups - 1);
    for away in [true, false] {
        fixture.set_ready(&last, !away).await;
        let started = Instant::now();
        let seen = external_watch.until(&last, away).await;
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
