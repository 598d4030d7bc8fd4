//! `evacuate` moves all groups of a cluster: the time until the last one has moved, and until it has
//! reported.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::time::sleep;

use crate::environment::Environment;
use crate::external_watch::ExternalWatch;
use crate::fixture::{Fixture, Move};
use crate::report::{Report, Target};
use crate::requests::CONTEXT;
use crate::rows::once::best_connections;
use crate::statistics::{median, millis};

const GROUPS: usize = 1000;
const PAIRS: usize = 12;
/// Time for the API server to clean up before each turn.
const CLEANUP_TIME: Duration = Duration::from_secs(1);
const ID: &str = "bench";

pub async fn measure(environment: &Environment, report: &mut Report) {
    pairs(environment, report, &environment.kubeconfig, "").await;
}

pub async fn measure_delayed(environment: &Environment, report: &mut Report) {
    let (_line, kubeconfig) = environment.latency_proxy(environment.delay);
    let away = format!(", {} ms away", environment.delay.as_millis());
    pairs(environment, report, kubeconfig.path(), &away).await;
}

/// Measures the plugin and raw patches in turn, on the same groups.
async fn pairs(environment: &Environment, report: &mut Report, kubeconfig: &Path, away: &str) {
    let fixture = environment.fixture(environment.size(GROUPS), 3).await;
    fixture.mirror_fallbacks().await;
    let connections = best_connections(environment, &fixture, kubeconfig, report, away).await;
    let baseline = environment.baseline(&fixture, kubeconfig, connections);
    let plugin = |command: &str| {
        let args = [command, CONTEXT, "--id", ID, "--yes"];
        environment.plugin(&fixture, kubeconfig, &args).command()
    };
    let raw_moves = |how| baseline.move_all(fixture.groups, how);
    let (mut ours, mut whole, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        // They alternate in going first. The API server collects garbage at even intervals, which
        // must not affect only one of them.
        for is_raw in [pair % 2 == 1, pair % 2 == 0] {
            let (away, back) = if is_raw {
                (raw_moves(Move::Evacuate), raw_moves(Move::Return))
            } else {
                (plugin("evacuate"), plugin("return"))
            };
            let (moved, ended) = until_moved(&fixture, away, true).await;
            until_moved(&fixture, back, false).await;
            if is_raw {
                raw.push(moved);
            } else {
                ours.push(moved);
                whole.push(ended);
            }
        }
        eprintln!(
            "# {:.0} ms, reported after {:.0} ms, raw {:.0} ms",
            millis(ours[ours.len() - 1]),
            millis(whole[whole.len() - 1]),
            millis(raw[raw.len() - 1])
        );
    }
    let row = format!("evacuate with {} groups{away}", fixture.groups);
    let raw = Some(median(&raw));
    report.add(&row, median(&ours), "ms", raw, Target::Times(1.2));
    report.add(
        format!("{row}, until it has reported"),
        median(&whole),
        "ms",
        raw,
        Target::None,
    );
}

/// Returns the times in which a program moves the last group, and in which it ends.
async fn until_moved(fixture: &Fixture, mut command: Command, away: bool) -> (Duration, Duration) {
    sleep(CLEANUP_TIME).await;
    let mut external_watch = ExternalWatch::of(fixture).await;
    let started = Instant::now();
    let ended = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let moved = external_watch.until_all(fixture.groups, away);
    let (ended, moved) = tokio::join!(
        async { (ended.await.expect("it starts"), started.elapsed()) },
        moved
    );
    let (output, took) = ended;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (moved.saturating_duration_since(started), took)
}
