//! Routes whose backends stand by.

use super::{HOME, HTTP, edit, group, rule, run, services, spec, status, until_weights};
use crate::support::{TestNamespace, end, watching};

const ALL: u64 = 1_000_000;

#[tokio::test]
async fn every_rule_gets_the_standby() {
    let ns = TestNamespace::new("standby-route").await;
    let side = &ns.west;
    services(side).await;
    group(side, HTTP, "web", spec("web", &[rule(HOME), rule(HOME)])).await;
    run(side, "set httproute/web --standby on").await.success();
    until_weights(side, HTTP, "web", &[&[ALL, 1], &[ALL, 1]]).await;
    let seen = status(side, "httproute/web").await;
    assert_eq!(seen["active"], serde_json::json!(["web"]), "{seen}");

    let watch = watching(side, &[]).await;
    // An old manifest of one rule.
    let rules = [rule(&[("web", ALL), ("web-east", 1)]), rule(HOME)];
    edit(
        side,
        HTTP,
        "web",
        serde_json::json!({"spec": spec("web", &rules)}),
    )
    .await;
    until_weights(side, HTTP, "web", &[&[ALL, 1], &[ALL, 1]]).await;
    side.ready("web", 0).await;
    until_weights(side, HTTP, "web", &[&[1, ALL], &[1, ALL]]).await;
    side.ready("web", 1).await;
    until_weights(side, HTTP, "web", &[&[ALL, 1], &[ALL, 1]]).await;
    end(watch).await;
}

#[tokio::test]
async fn create_gives_a_new_route_its_standby() {
    let ns = TestNamespace::new("standby-new").await;
    let side = &ns.west;
    services(side).await;
    let create = "create web --fallback web-east --kind httproute --name web --standby";
    run(side, create).await.success();
    until_weights(side, HTTP, "web", &[&[ALL, 1]]).await;
    run(
        side,
        "set httproute/web --policy active-active --weights web=1,web-east=100",
    )
    .await
    .success();
    let once = run(side, "watch --once").await;
    once.success();
    until_weights(side, HTTP, "web", &[&[1, 100]]).await;
}
