//! A run of `watch --once` that moves all groups and ends.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::time::sleep;

use crate::environment::Environment;
use crate::fixture::{Fixture, Move};
use crate::report::{Report, Target};
use crate::statistics::{median, millis};

const GROUPS: usize = 1000;
const PAIRS: usize = 16;
/// Time for the API server to clean up before each turn.
const CLEANUP_TIME: Duration = Duration::from_secs(1);
const CONNECTIONS: [usize; 3] = [8, 16, 32];
/// Connections for moves that are not measured.
const SETUP_CONNECTIONS: usize = 16;

pub async fn measure(environment: &Environment, report: &mut Report) {
    let fixture = environment.fixture(environment.size(GROUPS), 3).await;
    let connections = best_connections(
        environment,
        &fixture,
        &environment.kubeconfig,
        report,
        " once",
    )
    .await;
    fixture.delete_primaries().await;
    let baseline = environment.baseline(&fixture, &environment.kubeconfig, connections);
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    let plugin = || {
        environment
            .plugin(&fixture, &environment.kubeconfig, &["watch", "--once"])
            .command()
    };
    let patches = || baseline.move_all(fixture.groups, Move::Away);
    for pair in 0..PAIRS {
        // They alternate in going first. The API server collects garbage at even intervals, which
        // must not affect only one of them.
        if pair % 2 == 0 {
            ours.push(move_all(&fixture, plugin()).await);
            raw.push(move_all(&fixture, patches()).await);
        } else {
            raw.push(move_all(&fixture, patches()).await);
            ours.push(move_all(&fixture, plugin()).await);
        }
        eprintln!(
            "# {:.0} ms, raw {:.0} ms",
            millis(ours[ours.len() - 1]),
            millis(raw[raw.len() - 1])
        );
    }
    let row = format!("watch --once with {} groups to move", fixture.groups);
    report.add(
        row,
        median(&ours),
        "ms",
        Some(median(&raw)),
        Target::Times(1.3),
    );
}

/// Returns the number of connections with which raw patches take the shortest time.
pub async fn best_connections(
    environment: &Environment,
    fixture: &Fixture,
    kubeconfig: &Path,
    report: &mut Report,
    condition: &str,
) -> usize {
    let mut best = (f64::MAX, 0);
    for connections in CONNECTIONS {
        let baseline = environment.baseline(fixture, kubeconfig, connections);
        let mut times = Vec::new();
        for _ in 0..3 {
            times.push(move_all(fixture, baseline.move_all(fixture.groups, Move::Away)).await);
        }
        let time = median(&times);
        let row = format!(
            "{} raw patches by {connections} connections{condition}",
            fixture.groups
        );
        report.add(row, time, "ms", None, Target::None);
        if time < best.0 {
            best = (time, connections);
        }
    }
    best.1
}

/// Returns the time in which a program moves all groups away. Moves them back afterwards.
async fn move_all(fixture: &Fixture, mut command: Command) -> Duration {
    sleep(CLEANUP_TIME).await;
    let started = Instant::now();
    let ended = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .await
        .expect("it starts");
    let took = started.elapsed();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert_eq!(
        fixture.count_away().await,
        fixture.groups,
        "all groups are moved"
    );
    fixture
        .move_by_hand(0..fixture.groups, Move::Home, SETUP_CONNECTIONS)
        .await;
    took
}
