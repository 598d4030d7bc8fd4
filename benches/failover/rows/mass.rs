//! All primaries fail at once: the time until the last group has moved.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::baseline::Baseline;
use crate::environment::Environment;
use crate::external_watch::ExternalWatch;
use crate::fixture::Fixture;
use crate::report::{Report, Target};
use crate::rows::once::best_connections;
use crate::statistics::{median, millis};
use crate::support::{end, operator_rights, restricted_kubeconfig};

const GROUPS: usize = 1000;
const PAIRS: usize = 9;

pub async fn measure(environment: &Environment, report: &mut Report) {
    let [ours, theirs] = fixtures(environment).await;
    let connections =
        best_connections(environment, &theirs, &environment.kubeconfig, report, "").await;
    let row = format!("{} primaries gone, as administrator", ours.groups);
    let baseline = environment.baseline(&theirs, &environment.kubeconfig, connections);
    pairs(
        environment,
        report,
        &row,
        [&ours, &theirs],
        &environment.kubeconfig,
        &baseline,
    )
    .await;

    let (operator, baseline_operator) = (
        restricted_kubeconfig(&environment.side(&ours), "operator", &operator_rights()).await,
        restricted_kubeconfig(&environment.side(&theirs), "operator", &operator_rights()).await,
    );
    let row = format!("{} primaries gone, as ServiceAccount", ours.groups);
    let baseline = environment.baseline(&theirs, baseline_operator.path(), connections);
    pairs(
        environment,
        report,
        &row,
        [&ours, &theirs],
        operator.path(),
        &baseline,
    )
    .await;
}

pub async fn measure_delayed(environment: &Environment, report: &mut Report) {
    let [ours, theirs] = fixtures(environment).await;
    let (_line, kubeconfig) = environment.latency_proxy(environment.delay);
    let away = format!(", {} ms away", environment.delay.as_millis());
    let connections =
        best_connections(environment, &theirs, kubeconfig.path(), report, &away).await;
    let row = format!("{} primaries gone{away}", ours.groups);
    let baseline = environment.baseline(&theirs, kubeconfig.path(), connections);
    let time = pairs(
        environment,
        report,
        &row,
        [&ours, &theirs],
        kubeconfig.path(),
        &baseline,
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

async fn fixtures(environment: &Environment) -> [Fixture; 2] {
    let groups = environment.size(GROUPS);
    [
        environment.fixture(groups, 3).await,
        environment.fixture(groups, 3).await,
    ]
}

/// Measures the plugin and the baseline in turn, each with its own groups. Returns the plugin's
/// median.
async fn pairs(
    environment: &Environment,
    report: &mut Report,
    row: &str,
    [ours, theirs]: [&Fixture; 2],
    kubeconfig: &Path,
    baseline: &Baseline,
) -> f64 {
    let watch = environment.watching(ours, kubeconfig).await;
    let answering = baseline.answer_slices().await;
    let (mut our_times, mut bare_times) = (Vec::new(), Vec::new());
    for pair in 0..=PAIRS {
        // They alternate in going first, since the API server cleans up after the first one during
        // the second.
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
                "# {:.0} ms, baseline {:.0} ms",
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

/// Deletes the slices of all primaries, waits until the last group has moved, and restores
/// everything.
async fn fail_over(fixture: &Fixture) -> Duration {
    let mut external_watch = ExternalWatch::of(fixture).await;
    let started = Instant::now();
    fixture.delete_primaries().await;
    let moved = external_watch.until_all(fixture.groups, true).await;
    fixture.restore_primaries().await;
    external_watch.until_all(fixture.groups, false).await;
    moved.saturating_duration_since(started)
}
