//! Evacuations of groups that no other backend can serve, and of groups that others move, too.

use serde_json::json;

use super::{entries, home_group, mirror, order, weights};
use crate::support::{Side, TestNamespace, plugin};

async fn split(side: &Side, backends: &[(&str, u32)]) {
    side.traffic_split("web", "web", backends).await;
    let primary = json!({"failover.linkerd.io/primary-service": backends[0].0});
    side.edit_split("web", json!({"metadata": {"annotations": primary}}))
        .await;
}

#[tokio::test]
async fn traffic_is_never_brought_into_the_evacuated_cluster() {
    let space = TestNamespace::new("evac-into").await;
    let side = &space.west;
    let cluster = format!("north-{}", space.name);
    home_group(side, "web", &cluster).await;
    side.ready("web", 0).await;
    let command = format!("evacuate {cluster} --id S4 -o json");
    for result in ["changed", "unchanged"] {
        let output = order(side, &command).run().await.code(1);
        let item = &output.json()["items"][0];
        assert_eq!(item["plan"], "rests", "{output}");
        assert_eq!(item["result"], result, "{output}");
        assert_eq!(item["to"], json!(["web"]), "{output}");
        assert_eq!(weights(side, "web").await, [1, 0]);
        assert_eq!(entries(side, "web").await.len(), 1);
    }
}

#[tokio::test]
async fn a_group_whose_other_backends_are_evacuated_is_left_alone() {
    let space = TestNamespace::new("evac-overlap").await;
    let side = &space.west;
    let [north, south] = ["north", "south"].map(|it| format!("{it}-{}", space.name));
    mirror(side, "web-north", &north).await;
    mirror(side, "web-south", &south).await;
    side.bare_service("web").await;
    side.ready("web", 1).await;
    split(side, &[("web-north", 1), ("web-south", 0)]).await;
    let command = format!("evacuate {north} --id O1");
    order(side, &command).run().await.success();
    assert_eq!(weights(side, "web").await, [0, 1]);
    let command = format!("evacuate {south} --id O2");
    let output = order(side, &command).run().await.code(4);
    let end = format!("return {north} --id O1");
    output
        .stderr_contains("all its other backends are evacuated: web-north (O1)")
        .stderr_contains(&end);
    assert_eq!(weights(side, "web").await, [0, 1]);
    assert_eq!(entries(side, "web").await.len(), 1);
    // A watch has all fallbacks share the traffic that is away.
    let added = order(side, "set web --add-fallback web").run().await;
    added.success().stderr_contains(
        "a watch will change the weights: web has 1 of 2 endpoints ready; weights \
         web-north=0,web-south=1,web=0 should be web-north=0,web-south=1,web=1",
    );
}

#[tokio::test]
async fn a_move_of_traffic_that_is_elsewhere_is_in_the_plan() {
    let space = TestNamespace::new("evac-aside").await;
    let side = &space.west;
    let cluster = format!("north-{}", space.name);
    mirror(side, "web-north", &cluster).await;
    for (name, ready) in [("web", 0), ("spare", 1)] {
        side.bare_service(name).await;
        side.ready(name, ready).await;
    }
    split(side, &[("web", 1), ("web-north", 0), ("spare", 0)]).await;
    let command = format!("evacuate {cluster} --id H3");
    let output = order(side, &command).run().await.success();
    output
        .stderr_contains("1 group without traffic in")
        .stdout_contains("1 moved elsewhere");
    assert_eq!(weights(side, "web").await, [0, 0, 1]);
}

#[tokio::test]
async fn a_paused_group_is_as_ordered_and_another_evacuation_is_named() {
    let space = TestNamespace::new("evac-again").await;
    let side = &space.west;
    let cluster = format!("north-{}", space.name);
    home_group(side, "web", &cluster).await;
    for id in ["O1", "O2"] {
        let command = format!("evacuate {cluster} --id {id}");
        order(side, &command).run().await.success();
    }
    // Another context than the current one has them.
    let words = ["__complete", "return", &cluster, "-n", &side.namespace];
    let words = [&words[..], &["--contexts", "east,west", "--id", ""]].concat();
    // On a busy machine, completion may run out of time.
    for attempt in 1.. {
        let offered = plugin().args(words.clone()).run().await.success();
        if attempt == 5 || offered.stdout.contains("O1\t") {
            offered.stdout_contains("O1\t").stdout_contains("O2\t");
            break;
        }
    }
    let command = format!("return {cluster} --id O1");
    let output = order(side, &command).run().await.success();
    output
        .stderr_contains("1 group still avoids it")
        .stderr_contains("is also evacuated by O2")
        .stderr_contains(&format!(
            "to return from O2 too: kubectl failover return {cluster} --id O2 "
        ));
    order(side, "pause web --reason upgrade")
        .run()
        .await
        .success();
    let command = format!("evacuate {cluster} --id O2");
    let output = order(side, &command).run().await.success();
    output.stdout_contains("1 already so");
}
