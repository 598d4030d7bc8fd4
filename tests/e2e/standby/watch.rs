//! The loop on groups that have standbys.

use serde_json::json;

use super::{ALL, annotate, run, status};
use crate::support::{Side, TestNamespace, end, eventually, watching};

async fn web(side: &Side, weights: [u32; 2], ready: [u8; 2]) {
    let backends = [
        ("web", weights[0], ready[0]),
        ("web-east", weights[1], ready[1]),
    ];
    side.group("web", &backends).await;
    annotate(side, "standby", "on").await;
}

#[tokio::test]
async fn a_group_that_was_written_by_hand_gets_its_standby() {
    let ns = TestNamespace::new("standby").await;
    web(&ns.west, [1, 0], [1, 1]).await;
    let before = status(&ns.west).await;
    assert_eq!(before["state"], "OutOfSync", "{before}");
    assert!(
        before["reason"]
            .as_str()
            .unwrap()
            .contains("weights web=1,web-east=0 should be web=429495,web-east=1"),
        "{before}"
    );
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[ALL, 1]).await;
    assert_eq!(ns.west.last_move("web").await, json!(null), "nothing moved");
    let version = ns.west.version("web").await;

    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[1, ALL]).await;
    let last = ns.west.last_move("web").await;
    assert_eq!(
        [&last["from"], &last["to"]],
        ["web=1,web-east=0", "web=0,web-east=1"]
    );
    let away = status(&ns.west).await;
    assert_eq!(
        json!([away["state"], away["active"], away["flags"]]),
        json!(["Failover", ["web-east"], ["short", "standby"]])
    );
    assert_eq!(away["changed"]["how"], "moved");
    assert_eq!(
        json!([away["backends"][0]["weight"], away["backends"][1]["weight"]]),
        json!([1, ALL])
    );
    run(&ns.west, "status web -o wide")
        .await
        .success()
        .stdout_contains("(w1)")
        .stdout_contains("(w429495)");
    ns.west.ready("web", 1).await;
    ns.west.until_weights("web", &[ALL, 1]).await;
    assert_ne!(ns.west.version("web").await, version);
    end(watch).await;
}

/// The answer waits as for any other revert.
#[tokio::test]
async fn an_old_manifest_that_is_applied_over_it_is_answered_once() {
    let ns = TestNamespace::new("standby-old").await;
    web(&ns.west, [1, 0], [1, 1]).await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[ALL, 1]).await;
    ns.west
        .set_weights("web", &[("web", 1), ("web-east", 0)])
        .await;
    ns.west.until_weights("web", &[ALL, 1]).await;

    // During a failover, it also takes the traffic back.
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[1, ALL]).await;
    ns.west
        .set_weights("web", &[("web", 1), ("web-east", 0)])
        .await;
    ns.west.until_weights("web", &[1, ALL]).await;

    // One without the annotation ends it.
    annotate(&ns.west, "standby", None::<String>).await;
    ns.west.until_weights("web", &[0, 1]).await;
    end(watch).await;
}

#[tokio::test]
async fn traffic_that_the_proxies_moved_is_caught_up_by_a_loop_that_starts_again() {
    let ns = TestNamespace::new("standby-dead").await;
    web(&ns.west, [1, 0], [1, 1]).await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[ALL, 1]).await;
    end(watch).await;

    ns.west.ready("web", 0).await;
    eventually("nobody has moved it", async || {
        let seen = status(&ns.west).await;
        let is_so = seen["state"] == "OutOfSync" && seen["active"] == json!(["web"]);
        if is_so { Ok(()) } else { Err(seen.to_string()) }
    })
    .await;
    run(&ns.west, "status web")
        .await
        .success()
        .stdout_contains("Linkerd's proxies send the traffic to web-east by themselves")
        .stdout_contains("next: kubectl failover watch");
    run(&ns.west, "watch --once").await.success();
    ns.west.until_weights("web", &[1, ALL]).await;
    // The primary is back while no loop runs.
    ns.west.ready("web", 1).await;
    run(&ns.west, "watch --once").await.success();
    ns.west.until_weights("web", &[ALL, 1]).await;
}

#[tokio::test]
async fn a_fallback_that_dies_while_it_stands_by_goes_on_standing_by() {
    let ns = TestNamespace::new("standby-idle").await;
    web(&ns.west, [1, 0], [1, 1]).await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[ALL, 1]).await;
    let version = ns.west.version("web").await;
    ns.west.ready("web-east", 0).await;
    eventually("the fallback's end is seen", async || {
        let seen = status(&ns.west).await;
        let is_so = seen["backends"][1]["ready"] == 0 && seen["state"] == "Primary";
        if is_so { Ok(()) } else { Err(seen.to_string()) }
    })
    .await;
    ns.west.ready("web-east", 1).await;
    // A Service that does not exist may not stand by: a route would answer its share with errors.
    let services = ns.west.api::<k8s_openapi::api::core::v1::Service>();
    assert_eq!(ns.west.version("web").await, version, "nothing was written");
    services
        .delete("web-east", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    ns.west.until_weights("web", &[1, 0]).await;
    ns.west.bare_service("web-east").await;
    ns.west.until_weights("web", &[ALL, 1]).await;
    end(watch).await;
}

#[tokio::test]
async fn with_the_policy_ordered_only_the_next_fallback_stands_by() {
    let ns = TestNamespace::new("standby-ordered").await;
    let three = [("web", 1, 1), ("web-east", 0, 1), ("web-central", 0, 1)];
    ns.west.group("web", &three).await;
    annotate(&ns.west, "standby", "on").await;
    annotate(&ns.west, "policy", "ordered").await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[ALL, 1, 0]).await;
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[1, ALL - 1, 1]).await;
    ns.west.ready("web-east", 0).await;
    ns.west.until_weights("web", &[1, 1, ALL - 1]).await;
    ns.west.ready("web-east", 1).await;
    ns.west.until_weights("web", &[1, ALL - 1, 1]).await;
    ns.west.ready("web", 1).await;
    ns.west.until_weights("web", &[ALL, 1, 0]).await;
    annotate(&ns.west, "policy", "spread").await;
    ns.west.until_weights("web", &[ALL - 1, 1, 1]).await;
    annotate(&ns.west, "failback", "manual").await;
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[0, 1, 1]).await;
    end(watch).await;
}

#[tokio::test]
async fn once_writes_standbys_and_ends() {
    let ns = TestNamespace::new("standby-once").await;
    web(&ns.west, [1, 0], [1, 1]).await;
    run(&ns.west, "watch --once").await.success();
    ns.west.until_weights("web", &[ALL, 1]).await;
}

/// Without standbys, the proxies take these weights as they are.
#[tokio::test]
async fn a_standby_finds_room_beside_the_largest_weights() {
    let ns = TestNamespace::new("standby-room").await;
    let backends = [
        ("web", 400_001, 1),
        ("web-east", 29_495, 1),
        ("web-central", 0, 1),
    ];
    ns.west.group("web", &backends).await;
    annotate(&ns.west, "policy", "active-active").await;
    annotate(&ns.west, "weights", "web=100").await;
    annotate(&ns.west, "standby", "on").await;
    ns.west.ready("web-central", 0).await;
    run(&ns.west, "pause web").await.success();
    run(&ns.west, "set web --standby on").await.success();
    let weights = ns.west.weights("web").await;
    let written: Vec<u64> = weights
        .iter()
        .map(|(_, weight)| weight.as_u64().unwrap())
        .collect();
    assert_eq!(written[2], 1, "{written:?}");
    assert!(written[0] > 399_000 && written[1] > 29_000, "{written:?}");
    assert!(written.iter().sum::<u64>() <= ALL + 1, "{written:?}");
    assert_eq!(status(&ns.west).await["active"], json!(["web", "web-east"]));

    run(&ns.west, "resume web").await.success();
    run(&ns.west, "watch --once").await.success();
    ns.west.until_weights("web", &[425_200, 4_252, 1]).await;
    ns.west.ready("web-central", 1).await;
    run(&ns.west, "watch --once").await.success();
    ns.west.until_weights("web", &[100, 1, 1]).await;
}
