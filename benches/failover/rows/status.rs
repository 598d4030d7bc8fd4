//! `status` as a whole process, beside kubectl.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::environment::Environment;
use crate::fixture::Fixture;
use crate::report::{Report, Target};
use crate::statistics::median;

pub async fn measure(environment: &Environment, report: &mut Report) {
    for (groups, pairs, target) in [(1, 41, 0.25), (5000, 9, 1.0)] {
        let fixture = environment.fixture(environment.size(groups), 3).await;
        let (mut ours, mut kubectl) = (Vec::new(), Vec::new());
        // The first pair warms the caches.
        for pair in 0..=pairs {
            let times = (
                time(
                    environment
                        .plugin(&fixture, &environment.kubeconfig, &["status"])
                        .command(),
                )
                .await,
                time(get_splits(&fixture, &environment.kubeconfig)).await,
            );
            if pair > 0 {
                ours.push(times.0);
                kubectl.push(times.1);
            }
        }
        let row = format!("status of {} against kubectl get ts", fixture.groups);
        report.add(
            row,
            median(&ours),
            "ms",
            Some(median(&kubectl)),
            Target::Times(target),
        );
    }
}

fn get_splits(fixture: &Fixture, kubeconfig: &Path) -> Command {
    let mut command = Command::new("kubectl");
    command.args([
        "get",
        "ts",
        "--context",
        "west",
        "--namespace",
        &fixture.namespace,
    ]);
    command.arg("--kubeconfig").arg(kubeconfig);
    command
}

async fn time(mut command: Command) -> Duration {
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
    took
}
