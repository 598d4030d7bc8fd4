//! Names of groups that are routes, and ambiguous names.

use serde_json::{Value, json};

use super::{HOME, HTTP, LINKERD, group, rule, run, services, spec, until_weights};
use crate::support::{TestNamespace, end, watching};

#[tokio::test]
async fn two_kinds_of_one_name_are_told_apart() {
    let ns = TestNamespace::new("namesakes").await;
    let side = &ns.west;
    services(side).await;
    // The same rules under two apexes. Of two groups on one apex, the newer one would be invalid.
    group(side, HTTP, "web", spec("one", &[rule(HOME)])).await;
    group(side, LINKERD, "web", spec("two", &[rule(HOME)])).await;
    let both = run(side, "status web -o name").await.success();
    assert_eq!(
        both.stdout,
        "httproute/web\nhttproute.policy.linkerd.io/web\n"
    );
    for (name, expected) in [
        ("httproute.gateway.networking.k8s.io/web", "httproute/web\n"),
        (
            "httproute.policy.linkerd.io/web",
            "httproute.policy.linkerd.io/web\n",
        ),
        (
            "HTTPRoutes.policy.linkerd.io/web",
            "httproute.policy.linkerd.io/web\n",
        ),
        ("one", "httproute/web\n"),
        ("two", "httproute.policy.linkerd.io/web\n"),
    ] {
        run(side, &format!("status {name} -o name"))
            .await
            .success()
            .stdout_is(expected);
    }
    for name in ["web", "httproute/web"] {
        let output = run(side, &format!("force {name} --to web-east --yes"))
            .await
            .code(2);
        let typed = |kind: &str| format!("{kind}/web -n {}", side.namespace);
        output
            .stderr_contains(&format!("{name} is ambiguous"))
            .stderr_contains(&typed("httproute.gateway.networking.k8s.io"))
            .stderr_contains(&typed("httproute.policy.linkerd.io"));
    }
    let rows = run(side, "status").await.success();
    rows.stdout_contains("httproute/web ")
        .stdout_contains("httproute.policy.linkerd.io/web ");

    let forced = run(
        side,
        "force httproute.policy.linkerd.io/web --to web-east --yes",
    )
    .await
    .success();
    forced.stdout_contains(&format!(
        "{}/httproute.policy.linkerd.io/web: forced to",
        side.namespace
    ));
    until_weights(side, LINKERD, "web", &[&[0, 1]]).await;
    until_weights(side, HTTP, "web", &[&[1, 0]]).await;
    run(side, "failback two --yes").await.success();
    until_weights(side, LINKERD, "web", &[&[1, 0]]).await;

    let watch = watching(side, &[]).await;
    side.ready("web", 0).await;
    until_weights(side, HTTP, "web", &[&[0, 1]]).await;
    until_weights(side, LINKERD, "web", &[&[0, 1]]).await;
    end(watch).await;
    run(side, "history two")
        .await
        .success()
        .stdout_contains(" httproute.policy.linkerd.io/web ");
    for (name, moves) in [("one", 1), ("two", 3)] {
        let items = run(side, &format!("history {name} -o json"))
            .await
            .success()
            .json()["items"]
            .clone();
        let object = if name == "one" {
            "httproute"
        } else {
            "httproute.policy.linkerd.io"
        };
        let objects: Vec<Value> = items
            .as_array()
            .unwrap()
            .iter()
            .map(|item| json!([item["object"], item["sources"]]))
            .collect();
        let newest = |seen: &&Value| **seen == json!([object, ["last-move", "event", "journal"]]);
        let older = |seen: &&Value| **seen == json!([object, ["event"]]);
        let counts = (
            objects.iter().filter(newest).count(),
            objects.iter().filter(older).count(),
        );
        assert_eq!(counts, (1, moves - 1), "{items:#}");
    }
}

#[tokio::test]
async fn the_newer_of_a_split_and_a_route_on_one_apex_is_invalid() {
    let ns = TestNamespace::new("split-and-route").await;
    let side = &ns.west;
    services(side).await;
    // In the same second, the kind whose name comes first is the older one.
    group(side, HTTP, "web", spec("web", &[rule(HOME)])).await;
    side.traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    let split = run(side, "status ts/web").await.success();
    split
        .stdout_contains("Invalid")
        .stdout_contains("the older group httproute/web has the same apex, web (its port 80)");
    let route = run(side, "status httproute/web").await.success();
    let words = "warning: TrafficSplit web routes the same service, so this may have no effect.";
    route.stdout_contains("Primary").stdout_contains(words);
}
