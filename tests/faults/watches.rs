//! Watches that are cut, that expire and that hang.

use std::time::{Duration, Instant};

use http::Method;

use crate::faults::story::Story;
use crate::support::group_fixture::{GROUPS, GroupFixture, SETTLE_LIMIT};
use crate::support::{Fault, FaultProxy, TestNamespace, end, eventually_within, plugin, started};

/// The faults of one watch in six.
pub const FAULTS: [Fault; 4] = [
    Fault::Answer(410, None),
    Fault::Hang,
    Fault::Expired,
    Fault::Answer(500, None),
];
const WATCH: &str = "?watch=true";
const SLICES: &str = "endpointslices?watch";
const SLICE_LISTS: &str = "endpointslices?*limit";
const CHURN: Duration = Duration::from_secs(30);
/// A watch without a byte after the headers is given up after 25 s, and opened again at once.
const SILENCE_LIMIT: Duration = Duration::from_secs(25 + 2);

#[tokio::test]
async fn watches_that_keep_ending_lose_no_change() {
    let ns = TestNamespace::new("watches").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.disturb(Method::GET, WATCH, 6, &FAULTS);
    let watch = plugin()
        .args(["watch", "-o", "json"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig());
    let watch = started(watch).await;
    let start = Instant::now();
    let watches = || proxy.seen(&Method::GET, WATCH).len();
    // They end less often on a busy machine.
    while watches() <= 100 {
        assert!(start.elapsed() < SETTLE_LIMIT, "{} watches", watches());
        tokio::select! {
            () = churn(&fixture, CHURN) => {}
            () = cut_all_the_time(&proxy) => {}
        }
    }
    proxy.heal();
    fixture.until_right(SETTLE_LIMIT).await;
    Story::of(&end(watch).await).is_whole();
}

#[tokio::test]
async fn a_silent_watch_is_noticed_in_time() {
    let ns = TestNamespace::new("silence").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let watch = plugin()
        .args(["watch"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig());
    let watch = started(watch).await;
    proxy.until_seen(Method::GET, SLICES, 1).await;
    proxy.inject(Method::GET, SLICES, 1, Fault::Silent);
    proxy.cut_streams();
    proxy.until_seen(Method::GET, SLICES, 2).await;
    fixture.lose_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    assert_eq!(fixture.away().await, GROUPS);
    let opened = proxy.seen(&Method::GET, SLICES);
    let silence = opened[2].at.duration_since(opened[1].at);
    assert!(silence < SILENCE_LIMIT, "{silence:?}");
    end(watch).await;
}

/// Makes primaries ready and not ready at random.
pub async fn churn(fixture: &GroupFixture, time: Duration) {
    let mut random = fastrand::Rng::with_seed(7);
    let start = Instant::now();
    while start.elapsed() < time {
        let group = &fixture.names[random.usize(..fixture.names.len())];
        fixture.set(group, random.bool()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn cut_all_the_time(proxy: &FaultProxy) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        proxy.cut_streams();
    }
}

/// The cluster serves no GRPCRoutes, and then nothing at all for a while.
#[tokio::test]
async fn a_missing_kind_does_not_end_a_watch_whose_cluster_is_gone() {
    const ROUTES: &str = "/grpcroutes?";
    let ns = TestNamespace::new("kinds").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.inject(Method::GET, ROUTES, 1, Fault::Answer(404, None));
    let watch = plugin()
        .args(["watch"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig());
    let watch = started(watch).await;
    proxy.inject(Method::GET, ROUTES, 2, Fault::CutBefore);
    proxy.until_seen(Method::GET, ROUTES, 4).await;
    fixture.lose_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    end(watch).await;
}

/// Lists work, and watches get nothing before their end.
#[tokio::test]
async fn behind_a_proxy_that_holds_answers_back_traffic_moves_within_seconds() {
    const GROUPS: usize = 20;
    let ns = TestNamespace::new("held").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.disturb(Method::GET, WATCH, 1, &[Fault::Hold]);
    let watch = plugin()
        .args(["watch"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig());
    let watch = started(watch).await;
    // Two watches of 10 s show that they are useless.
    until_polled(&proxy).await;
    fixture.lose_all_primaries().await;
    fixture.until_right(Duration::from_secs(8)).await;
    assert_eq!(fixture.away().await, GROUPS);
    let log = end(watch).await.stderr.join("\n");
    assert_eq!(log.matches("watches report nothing").count(), 1, "{log}");
    assert!(!log.contains("cannot read"), "{log}");
}

/// Waits until the slices are listed every few seconds.
async fn until_polled(proxy: &FaultProxy) {
    eventually_within(
        Duration::from_secs(40),
        "slices are polled",
        async || match proxy.seen(&Method::GET, SLICE_LISTS).len() {
            seen if seen >= 4 => Ok(()),
            seen => Err(seen.to_string()),
        },
    )
    .await;
}

/// Watches that are empty at once are no reason to believe anything, nor to ask all the time.
#[tokio::test]
async fn watches_without_an_answer_keep_neither_traffic_nor_the_server_busy() {
    const GROUPS: usize = 20;
    let ns = TestNamespace::new("empty").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.disturb(Method::GET, WATCH, 1, &[Fault::Answer(200, None)]);
    let watch = plugin()
        .args(["watch"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig());
    let watch = started(watch).await;
    until_polled(&proxy).await;
    fixture.lose_all_primaries().await;
    fixture.until_right(Duration::from_secs(8)).await;
    let lists = proxy.seen(&Method::GET, SLICE_LISTS).len();
    assert!(lists < 10, "{lists}");
    end(watch).await;
}
