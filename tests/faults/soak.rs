//! Endless faults: the watch keeps up and does not grow.

use std::time::Duration;

use http::Method;
use rustix::process::Pid;

use crate::faults::story::Story;
use crate::faults::{watches, writes};
use crate::support::group_fixture::{GROUPS, GroupFixture, SETTLE_LIMIT};
use crate::support::{FaultProxy, TestNamespace, end, plugin, started};

/// The variable with the duration in seconds: 600 and more for a soak. A short run cannot show slow
/// leaks.
const VARIABLE: &str = "FAILOVER_SOAK_SECONDS";
const DEFAULT_SECONDS: u64 = 20;
/// Memory has reached its size after this long.
const WARM_UP: Duration = Duration::from_secs(60);

#[tokio::test]
async fn endless_flips_and_faults_do_not_make_it_grow() {
    let asked = std::env::var(VARIABLE)
        .ok()
        .map(|seconds| seconds.parse().expect("a number of seconds"));
    let time = Duration::from_secs(asked.unwrap_or(DEFAULT_SECONDS));
    let warm_up = WARM_UP.min(time / 2);
    let most = if asked.is_some() { 1.05 } else { 1.25 };

    let ns = TestNamespace::new("soak").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.disturb(Method::PATCH, "/trafficsplits/", 5, &writes::FAULTS);
    proxy.disturb(Method::GET, "?watch=true", 6, &watches::FAULTS);
    let watch = plugin()
        .args(["watch", "-o", "json"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig());
    let watch = started(watch).await;
    let going_on = async |time| {
        tokio::select! {
            () = watches::churn(&fixture, time) => {}
            () = watches::cut_all_the_time(&proxy) => {}
        }
    };
    let mut readings: Vec<f64> = Vec::new();
    let mut gone_on = Duration::ZERO;
    while gone_on < time {
        going_on(warm_up).await;
        gone_on += warm_up;
        readings.push(resident_kib(watch.pid()));
    }
    proxy.heal();
    fixture.until_right(SETTLE_LIMIT).await;
    Story::of(&end(watch).await).is_whole();
    let (before, after) = (readings[0], readings[readings.len() - 1]);
    let growth = after / before;
    println!("{readings:?} KiB, every {warm_up:?}: {growth:.3} times");
    assert!(
        growth < most,
        "it has grown from {before} KiB to {after} KiB: {readings:?}"
    );
}

fn resident_kib(process: Pid) -> f64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
