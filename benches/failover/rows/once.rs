//! A whole run that moves everything and ends.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::time::sleep;

use crate::estate::Estate;
use crate::report::{Report, Target};
use crate::statistics::{median, millis};
use crate::world::World;

const GROUPS: usize = 1000;
const PAIRS: usize = 16;
/// What the API server gets to clean up before each turn.
const REST: Duration = Duration::from_secs(1);
const CONNECTIONS: [usize; 3] = [8, 16, 32];
/// Connections for moves that are not measured.
const HANDS: usize = 16;

pub async fn measure(world: &World, report: &mut Report) {
    let estate = world.estate(world.size(GROUPS), 3).await;
    let connections = best_connections(world, &estate, &world.kubeconfig, report, " once").await;
    estate.delete_primaries().await;
    let bare = world.bare(&estate, &world.kubeconfig, connections);
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    let plugin = || {
        world
            .plugin(&estate, &world.kubeconfig, &["watch", "--once"])
            .command()
    };
    let patches = || bare.move_all(estate.groups, true);
    for pair in 0..PAIRS {
        // Each goes first in turn: the API server collects garbage at even intervals, which must not meet one of them
        // alone.
        if pair % 2 == 0 {
            ours.push(move_all(&estate, plugin()).await);
            raw.push(move_all(&estate, patches()).await);
        } else {
            raw.push(move_all(&estate, patches()).await);
            ours.push(move_all(&estate, plugin()).await);
        }
        eprintln!(
            "# {:.0} ms, raw {:.0} ms",
            millis(ours[ours.len() - 1]),
            millis(raw[raw.len() - 1])
        );
    }
    let row = format!("watch --once with {} groups to move", estate.groups);
    report.add(
        row,
        median(&ours),
        "ms",
        Some(median(&raw)),
        Target::Times(1.3),
    );
}

/// The number of connections by which raw patches are sent in the shortest time.
pub async fn best_connections(
    world: &World,
    estate: &Estate,
    kubeconfig: &Path,
    report: &mut Report,
    condition: &str,
) -> usize {
    let mut best = (f64::MAX, 0);
    for connections in CONNECTIONS {
        let bare = world.bare(estate, kubeconfig, connections);
        let mut times = Vec::new();
        for _ in 0..3 {
            times.push(move_all(estate, bare.move_all(estate.groups, true)).await);
        }
        let time = median(&times);
        let row = format!(
            "{} raw patches by {connections} connections{condition}",
            estate.groups
        );
        report.add(row, time, "ms", None, Target::None);
        if time < best.0 {
            best = (time, connections);
        }
    }
    best.1
}

/// How long a program takes that moves all groups away; they are home again afterwards.
async fn move_all(estate: &Estate, mut command: Command) -> Duration {
    sleep(REST).await;
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
        estate.count_away().await,
        estate.groups,
        "all groups are moved"
    );
    estate.move_by_hand(0..estate.groups, false, HANDS).await;
    took
}
