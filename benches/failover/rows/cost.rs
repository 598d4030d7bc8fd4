//! The cost of an idle watch.

use std::time::{Duration, Instant};

use http::Method;
use tokio::time::{interval, sleep};

use crate::environment::Environment;
use crate::fixture::{Fixture, name};
use crate::process::share_of_core;
use crate::report::{Report, Target};
use crate::requests::at_once;
use crate::rows::memory::prove;
use crate::support::{FaultProxy, Running, end};

const OBSERVED_TIME: Duration = Duration::from_secs(60);
/// Updates per second of slices of other services.
const UPDATES: usize = 500;
/// Batches of updates per second.
const BATCHES: usize = 50;

pub async fn measure_idle(environment: &Environment, report: &mut Report) {
    let fixture = environment.fixture(environment.size(5000), 3).await;
    let row = format!("idle, {} groups", fixture.groups);
    let watch = environment
        .watching(&fixture, &environment.kubeconfig)
        .await;
    prove(&fixture).await;
    // Events of the setup are still arriving.
    sleep(Duration::from_secs(5)).await;
    let share = share_of_core(watch.pid(), sleep(OBSERVED_TIME)).await;
    report.add(
        format!("{row}: processor"),
        share,
        "% of a core",
        None,
        Target::Most(0.2),
    );
    end(watch).await;

    let proxy = FaultProxy::before(&environment.side(&fixture)).await;
    let watch = environment.watching(&fixture, proxy.kubeconfig()).await;
    prove(&fixture).await;
    sleep(Duration::from_secs(5)).await;
    let before = requests(&proxy);
    sleep(OBSERVED_TIME / 2).await;
    let after = requests(&proxy);
    end(watch).await;
    let others = (after.len() - before.len()) as f64;
    after[before.len()..]
        .iter()
        .for_each(|request| eprintln!("# {request}"));
    report.add(
        format!("{row}: requests but watches and Leases"),
        others,
        "in 30 s",
        None,
        Target::Most(0.0),
    );
}

/// Returns the requests so far, except watches and requests for Leases.
fn requests(proxy: &FaultProxy) -> Vec<String> {
    let methods = [
        Method::GET,
        Method::POST,
        Method::PATCH,
        Method::PUT,
        Method::DELETE,
    ];
    let all = methods.iter().flat_map(|method| proxy.seen(method, "/"));
    let counts = |path: &str| !path.contains("watch=true") && !path.contains("/leases");
    let mut others: Vec<_> = all.filter(|request| counts(&request.path)).collect();
    others.sort_by_key(|request| request.at);
    others
        .into_iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
}

pub async fn measure_churn(environment: &Environment, report: &mut Report) {
    for (groups, how, most) in [(10, "selective", 2.0), (5000, "namespace-wide", 10.0)] {
        let groups = if groups == 10 {
            10
        } else {
            environment.size(groups).max(200)
        };
        let fixture = environment.fixture(groups, 3).await;
        fixture.add_others(UPDATES).await;
        let watch = environment
            .watching(&fixture, &environment.kubeconfig)
            .await;
        prove(&fixture).await;
        measure_updates(report, &fixture, &watch, how, most).await;
    }
}

async fn measure_updates(
    report: &mut Report,
    fixture: &Fixture,
    watch: &Running,
    how: &str,
    most: f64,
) {
    sleep(Duration::from_secs(5)).await;
    let (mut updates, started) = (0, Instant::now());
    let share = share_of_core(watch.pid(), async {
        updates = update_others(fixture, OBSERVED_TIME / 2).await
    })
    .await;
    let rate = updates as f64 / started.elapsed().as_secs_f64();
    // The cluster may be too slow for all updates. The cost of those made is scaled up to all.
    let share = share * (UPDATES as f64 / rate).max(1.0);
    let row = format!(
        "{UPDATES} updates a second in other services ({rate:.0} reached), {how}, {} groups",
        fixture.groups
    );
    report.add(row, share, "% of a core", None, Target::Most(most));
    // The watch still works.
    fixture.set_ready(&name(0), true).await;
}

/// Updates the slices of other services at an even rate, as far as the cluster can keep up.
async fn update_others(fixture: &Fixture, time: Duration) -> usize {
    let mut pulse = interval(Duration::from_secs(1) / u32::try_from(BATCHES).unwrap_or(1));
    let (started, mut updates) = (Instant::now(), 0);
    while started.elapsed() < time {
        pulse.tick().await;
        let batch = updates..updates + UPDATES / BATCHES;
        let stir = |update: usize| async move {
            let service = format!("o{:05}", update % UPDATES);
            // One in ten is deleted and created again.
            match update % 10 {
                0 => fixture.replace_slice(&service, "other").await,
                _ => fixture.stir(&service, update / UPDATES).await,
            }
        };
        at_once(UPDATES / BATCHES, batch.clone().map(stir)).await;
        updates = batch.end;
    }
    updates
}
