//! Watches that are killed and started again.

use std::time::Duration;

use http::Method;
use rustix::process::Signal;

use crate::support::group_fixture::{GROUPS, GroupFixture, SETTLE_LIMIT, fallback_of, for_each};
use crate::support::{Fault, FaultProxy, TestNamespace, end, eventually, plugin, started};

const SPLITS: &str = "/trafficsplits/";

/// Each write is slow enough for the kill to happen between the first and the last ones.
#[tokio::test]
async fn the_next_watch_finishes_the_failovers_of_one_that_was_killed() {
    let ns = TestNamespace::new("killed").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.disturb(
        Method::PATCH,
        SPLITS,
        1,
        &[Fault::Delay(Duration::from_millis(300))],
    );
    let watch = || {
        plugin()
            .args(["watch"])
            .on(&ns.west)
            .kubeconfig(proxy.kubeconfig())
    };
    let first = started(watch()).await;
    fixture.lose_all_primaries().await;
    proxy.until_seen(Method::PATCH, SPLITS, GROUPS / 4).await;
    eventually("some writes have succeeded", async || {
        let writes = proxy.seen(&Method::PATCH, SPLITS);
        let succeeded = writes.iter().any(|write| write.status == Some(200));
        succeeded.then_some(()).ok_or(format!("{writes:?}"))
    })
    .await;
    first.end_with(Signal::KILL).await;
    let away = fixture.away().await;
    assert!(away > 0 && away < GROUPS * 3 / 4, "{away}");

    proxy.heal();
    let second = started(watch()).await;
    fixture.until_right(SETTLE_LIMIT).await;
    assert_eq!(fixture.away().await, GROUPS);
    assert_eq!(
        fixture.generations().await,
        2 * GROUPS as i64,
        "some were written twice"
    );
    end(second).await;
}

/// Slow and broken lists result in every order in which they can arrive.
#[tokio::test]
async fn starting_with_healthy_groups_writes_nothing() {
    const GROUPS: usize = 1000;
    const STARTS: usize = 20;
    let ns = TestNamespace::new("starts").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let away: Vec<String> = fixture.names.iter().step_by(5).cloned().collect();
    for_each(&away, async |name: &String| {
        fixture.set(name, false).await;
        ns.west
            .set_weights(name, &[(name, 0), (&fallback_of(name), 1)])
            .await;
    })
    .await;
    let before = versions(&fixture).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let late = Fault::Delay(Duration::from_millis(500));
    for start in 0..STARTS {
        let disturbed = [
            "trafficsplits?",
            "endpointslices?",
            "services?",
            "httproutes?",
            "/leases",
        ][start % 5];
        let method = if disturbed == "/leases" {
            Method::POST
        } else {
            Method::GET
        };
        let fault = if start % 2 == 0 {
            late.clone()
        } else {
            Fault::Answer(503, None)
        };
        proxy.inject(method, disturbed, 1, fault);
        let once = plugin()
            .args(["watch", "--once"])
            .on(&ns.west)
            .kubeconfig(proxy.kubeconfig());
        once.run().await.success().stdout_is("");
        proxy.heal();
    }
    assert_eq!(proxy.writes(), 0);
    assert_eq!(versions(&fixture).await, before);
    assert_eq!(fixture.wrong().await, Vec::<String>::new());

    // All traffic is on the primaries, and watches run for a while.
    for_each(&away, async |name: &String| {
        fixture.set(name, true).await;
        ns.west
            .set_weights(name, &[(name, 1), (&fallback_of(name), 0)])
            .await;
    })
    .await;
    let before = versions(&fixture).await;
    for disturbed in ["trafficsplits?", "endpointslices?", "services?"] {
        proxy.inject(Method::GET, disturbed, 1, late.clone());
        let run = ["watch", "--run-for", "4s"];
        plugin()
            .args(run)
            .on(&ns.west)
            .kubeconfig(proxy.kubeconfig())
            .run()
            .await
            .success()
            .stdout_is("");
        proxy.heal();
    }
    assert!(proxy.seen(&Method::GET, "endpointslices?watch").len() >= 3);
    assert_eq!(proxy.writes(), 0);
    assert_eq!(versions(&fixture).await, before);
}

async fn versions(fixture: &GroupFixture) -> Vec<String> {
    fixture
        .records()
        .await
        .into_iter()
        .map(|record| record.meta.resource_version)
        .collect()
}
