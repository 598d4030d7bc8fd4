//! The commands on groups that have standbys.

use serde_json::json;

use super::{ALL, run, status};
use crate::support::{Side, TestNamespace, end, eventually, plugin, watching};

async fn services(side: &Side, ready: [u8; 2]) {
    for (service, ready) in ["web", "web-east"].into_iter().zip(ready) {
        side.bare_service(service).await;
        side.ready(service, ready).await;
    }
}

async fn create(side: &Side) {
    run(side, "create web --fallback web-east --name web --standby")
        .await
        .success()
        .stderr_contains("even without a watch, Linkerd's proxies fail over about 3s after");
}

#[tokio::test]
async fn create_writes_the_weights_at_once() {
    let ns = TestNamespace::new("standby-create").await;
    services(&ns.west, [1, 1]).await;
    create(&ns.west).await;
    ns.west.until_weights("web", &[ALL, 1]).await;
    let seen = status(&ns.west).await;
    assert_eq!(
        json!([seen["state"], seen["active"], seen["flags"]]),
        json!(["Primary", ["web"], ["redundant", "standby", "unattended"]])
    );
    run(&ns.west, "status web --for standby,active=web --timeout 1m")
        .await
        .success();
    run(
        &ns.west,
        "create web --fallback web-east --name web --standby",
    )
    .await
    .success()
    .stdout_contains("unchanged");
    run(&ns.west, "create web --fallback web-east --name web")
        .await
        .code(1)
        .stderr_contains("standby: on")
        .stderr_contains("set web --unset standby");
    plugin()
        .args(["check"])
        .on(&ns.west)
        .run()
        .await
        .stdout_contains(
            "only Linkerd's proxies fail over, about 3s after the last endpoint is gone",
        );

    // A Service that does not exist gets nothing.
    let missing =
        "create mail --fallback mail-east --allow-missing --standby -o json --dry-run=client";
    let object = run(&ns.west, missing).await.success().json();
    let weights: Vec<_> = object["spec"]["backends"]
        .as_array()
        .unwrap()
        .iter()
        .map(|backend| backend["weight"].clone())
        .collect();
    assert_eq!(weights, [json!(1), json!(0)]);
}

#[tokio::test]
async fn set_writes_the_weights_at_once_also_during_a_failover() {
    let ns = TestNamespace::new("standby-set").await;
    ns.west
        .group("web", &[("web", 0, 0), ("web-east", 1, 1)])
        .await;
    run(&ns.west, "set web --standby on")
        .await
        .success()
        .stdout_contains("standby: (not set) -> on")
        .stdout_contains("weights: web=0,web-east=1 -> web=1,web-east=429495")
        .stdout_contains("traffic is on web-east (Failover)");
    ns.west.until_weights("web", &[1, ALL]).await;
    assert_eq!(ns.west.last_move("web").await, json!(null));
    run(&ns.west, "set web --standby on")
        .await
        .success()
        .stdout_contains("already set");
    // Someone has taken the standby away: it is set again.
    ns.west
        .set_weights("web", &[("web", 0), ("web-east", 1)])
        .await;
    run(&ns.west, "set web --standby on").await.success();
    ns.west.until_weights("web", &[1, ALL]).await;
    run(&ns.west, "set web --failback manual").await.success();
    ns.west.until_weights("web", &[0, 1]).await;
    run(&ns.west, "set web --unset failback").await.success();
    ns.west.until_weights("web", &[1, ALL]).await;
    run(&ns.west, "set web --weights web=1,web-east=1000")
        .await
        .code(4)
        .stderr_contains("whole numbers from 1 to 100 with standby");
    run(&ns.west, "set web --standby off")
        .await
        .success()
        .stdout_contains("weights: web=1,web-east=429495 -> web=0,web-east=1");
    ns.west.until_weights("web", &[0, 1]).await;
    run(&ns.west, "set web --unset standby").await.success();
    run(&ns.west, "set web --standby maybe").await.code(2);
}

/// What an override leaves out gets nothing.
#[tokio::test]
async fn an_override_ends_the_standby_and_its_end_brings_it_back() {
    let ns = TestNamespace::new("standby-force").await;
    services(&ns.west, [1, 1]).await;
    create(&ns.west).await;
    run(&ns.west, "force web --to web-east").await.success();
    ns.west.until_weights("web", &[0, 1]).await;
    assert_eq!(ns.west.last_move("web").await["from"], "web=1,web-east=0");
    let forced = status(&ns.west).await;
    assert_eq!(
        json!([forced["state"], forced["active"]]),
        json!(["Overridden", ["web-east"]])
    );
    run(&ns.west, "force web --to web-east")
        .await
        .success()
        .stdout_contains("already forced");
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "failback web").await.success();
    ns.west.until_weights("web", &[ALL, 1]).await;
    run(&ns.west, "force web --to web-east --duration 1s")
        .await
        .success();
    ns.west.until_weights("web", &[ALL, 1]).await;
    assert_eq!(ns.west.last_move("web").await["from"], "web=0,web-east=1");

    run(&ns.west, "pause web").await.success();
    ns.west.until_weights("web", &[ALL, 1]).await;
    assert_eq!(status(&ns.west).await["state"], "Paused");
    ns.west.ready("web", 0).await;
    run(&ns.west, "resume web").await.success();
    ns.west.until_weights("web", &[1, ALL]).await;
    end(watch).await;
}

#[tokio::test]
async fn an_adopted_object_keeps_its_traffic_and_gets_standbys() {
    let ns = TestNamespace::new("standby-adopt").await;
    let three = [("web", 90, 1), ("web-east", 10, 1), ("web-central", 0, 1)];
    ns.west.group("web", &three).await;
    let unlabelled = json!({"metadata": {"labels": {"failover.linkerd.io/controlled-by": null}}});
    ns.west.edit_split("web", unlabelled).await;
    run(&ns.west, "create --adopt ts/web --primary web --standby")
        .await
        .success();
    ns.west.until_weights("web", &[386_541, 42_949, 1]).await;
}

#[tokio::test]
async fn the_net_stays_while_it_carries_the_traffic() {
    let ns = TestNamespace::new("standby-net").await;
    services(&ns.west, [1, 1]).await;
    create(&ns.west).await;
    ns.west.ready("web", 0).await;
    eventually("the outage is seen", async || {
        let output = run(&ns.west, "set web --standby off").await;
        if output.stderr.contains("refused") {
            return Ok(());
        }
        run(&ns.west, "set web --standby on").await.success();
        Err(output.to_string())
    })
    .await;
    let refused = run(&ns.west, "set web --unset standby").await.code(4);
    refused
        .stderr_contains("Linkerd's proxies send the requests to web-east")
        .stderr_contains("kubectl failover force web --to web-east")
        .stderr_contains("--allow=unready");
    ns.west.until_weights("web", &[ALL, 1]).await;
    let anyway = run(&ns.west, "set web --standby off --allow=unready").await;
    anyway.success();
    ns.west.until_weights("web", &[1, 0]).await;
}
