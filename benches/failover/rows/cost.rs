//! What the loop costs while there is nothing for it to do.

use std::time::{Duration, Instant};

use http::Method;
use tokio::time::{interval, sleep};

use crate::estate::{Estate, name};
use crate::process::share_of_core;
use crate::report::{Report, Target};
use crate::requests::at_once;
use crate::rows::memory::prove;
use crate::support::{FaultProxy, Running, end};
use crate::world::World;

const WHILE: Duration = Duration::from_secs(60);
/// Updates a second of slices that are no group's.
const UPDATES: usize = 500;
/// Updates are sent in batches, so often a second.
const BATCHES: usize = 50;

pub async fn measure_idle(world: &World, report: &mut Report) {
    let estate = world.estate(world.size(5000), 3).await;
    let row = format!("idle, {} groups", estate.groups);
    let watch = world.watching(&estate, &world.kubeconfig).await;
    prove(&estate).await;
    // What has just been written is still being told.
    sleep(Duration::from_secs(5)).await;
    let share = share_of_core(watch.pid(), sleep(WHILE)).await;
    report.add(
        format!("{row}: processor"),
        share,
        "% of a core",
        None,
        Target::Most(0.2),
    );
    end(watch).await;

    let proxy = FaultProxy::before(&world.side(&estate)).await;
    let watch = world.watching(&estate, proxy.kubeconfig()).await;
    prove(&estate).await;
    sleep(Duration::from_secs(5)).await;
    let before = requests(&proxy);
    sleep(WHILE / 2).await;
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

/// The requests so far but watches and those about Leases.
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

pub async fn measure_churn(world: &World, report: &mut Report) {
    for (groups, how, most) in [(10, "selective", 2.0), (5000, "namespace-wide", 10.0)] {
        let groups = if groups == 10 {
            10
        } else {
            world.size(groups).max(200)
        };
        let estate = world.estate(groups, 3).await;
        estate.add_others(UPDATES).await;
        let watch = world.watching(&estate, &world.kubeconfig).await;
        prove(&estate).await;
        measure_updates(report, &estate, &watch, how, most).await;
    }
}

async fn measure_updates(
    report: &mut Report,
    estate: &Estate,
    watch: &Running,
    how: &str,
    most: f64,
) {
    sleep(Duration::from_secs(5)).await;
    let (mut updates, started) = (0, Instant::now());
    let share = share_of_core(watch.pid(), async {
        updates = update_others(estate, WHILE / 2).await
    })
    .await;
    let rate = updates as f64 / started.elapsed().as_secs_f64();
    // The cluster may not keep up with all of them: what fewer take is counted as for all.
    let share = share * (UPDATES as f64 / rate).max(1.0);
    let row = format!(
        "{UPDATES} updates a second in other services ({rate:.0} reached), {how}, {} groups",
        estate.groups
    );
    report.add(row, share, "% of a core", None, Target::Most(most));
    // It still does its work.
    estate.set_ready(&name(0), true).await;
}

/// Updates the other services' slices at an even rate, as far as the cluster can keep up.
async fn update_others(estate: &Estate, time: Duration) -> usize {
    let mut pulse = interval(Duration::from_secs(1) / u32::try_from(BATCHES).unwrap_or(1));
    let (started, mut updates) = (Instant::now(), 0);
    while started.elapsed() < time {
        pulse.tick().await;
        let batch = updates..updates + UPDATES / BATCHES;
        let stir = |update: usize| async move {
            let service = format!("o{:05}", update % UPDATES);
            // One in ten goes and comes again.
            match update % 10 {
                0 => estate.replace_slice(&service, "other").await,
                _ => estate.stir(&service, update / UPDATES).await,
            }
        };
        at_once(UPDATES / BATCHES, batch.clone().map(stir)).await;
        updates = batch.end;
    }
    updates
}
