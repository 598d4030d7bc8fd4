//! Groups that are not migrated.

use k8s_openapi::api::core::v1::Service;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::{http_routes, route, run, split};
use crate::support::{Side, TestNamespace};

/// Checks that the migration is refused with these words, and that nothing is created.
async fn refused(side: &Side, command: &str, words: &str) {
    for mode in ["--yes", "--dry-run=client"] {
        let output = run(side, &format!("{command} {mode}")).await.code(4);
        output.stderr_contains(words);
    }
    assert!(split(side, "web").await.is_some());
}

async fn create_route(side: &Side, name: &str, labels: Value) {
    let object = json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "parentRefs": [{"group": "core", "kind": "Service", "name": "web", "port": 80}],
            "rules": [{"backendRefs": [
                {"name": "web", "port": 80, "weight": 1}, {"name": "web-east", "port": 80, "weight": 0},
            ]}],
        },
    });
    let object = serde_json::from_value(object).unwrap();
    http_routes(side)
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_service_must_be_able_to_have_routes() {
    let ns = TestNamespace::new("migrate-parent").await;
    let side = &ns.west;
    let spec = json!({"clusterIP": "None", "ports": [{"port": 80}]});
    side.create::<Service>(json!({"metadata": {"name": "web"}, "spec": spec}))
        .await;
    side.bare_service("web-east").await;
    side.traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    refused(side, "migrate web", "headless").await;
    assert_eq!(route(side, "web").await, None);
}

#[tokio::test]
async fn a_service_with_several_ports_needs_a_port() {
    let ns = TestNamespace::new("migrate-ports").await;
    let side = &ns.west;
    let ports = json!([{"name": "http", "port": 80}, {"name": "admin", "port": 8080}]);
    for name in ["web", "web-east"] {
        let spec = json!({"ports": ports});
        side.create::<Service>(json!({"metadata": {"name": name}, "spec": spec}))
            .await;
    }
    side.traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    refused(side, "migrate web", "web has several ports: 80, 8080").await;
    refused(side, "migrate web --port 81", "lacks 81").await;
    run(side, "migrate web --port 80 --yes --allow=unaccepted")
        .await
        .success()
        .stderr_contains("web has other ports than 80");
    let migrated = route(side, "web").await.unwrap();
    assert_eq!(migrated["spec"]["parentRefs"][0]["port"], 80);
}

#[tokio::test]
async fn other_objects_are_in_the_way() {
    let ns = TestNamespace::new("migrate-rivals").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    create_route(side, "other", json!({})).await;
    refused(
        side,
        "migrate web",
        "the older HTTPRoute other has the same matches",
    )
    .await;
    let label = json!({"failover.linkerd.io/controlled-by": "linkerd-failover"});
    create_route(side, "web", label).await;
    refused(
        side,
        "migrate httproute/web --undo",
        "was not made by migrate",
    )
    .await;
    refused(side, "migrate ts/web --allow=conflict", "exists already").await;
    refused(
        side,
        "migrate ts/web --allow=conflict --name free",
        "manages service web too",
    )
    .await;
    run(side, "migrate httproute/web --yes")
        .await
        .success()
        .stdout_contains("already a route");
    run(side, "migrate web --yes")
        .await
        .code(2)
        .stderr_contains("ambiguous");
}

#[tokio::test]
async fn owners_and_stale_orders() {
    let ns = TestNamespace::new("migrate-owners").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let tracking = json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "x"}}});
    side.edit_split("web", tracking).await;
    refused(side, "migrate web", "Argo CD owns the object").await;
    run(side, "force web --to web-east --yes --allow=gitops")
        .await
        .success();
    let primary =
        json!({"metadata": {"annotations": {"failover.linkerd.io/primary-service": "web"}}});
    side.edit_split("web", primary).await;
    refused(side, "migrate web --allow=gitops", "its override is stale").await;
    run(side, "failback web --yes --allow=gitops")
        .await
        .success();
    run(side, "migrate web --yes --allow=gitops,unaccepted")
        .await
        .success();
    let migrated = route(side, "web").await.unwrap();
    let annotations = &migrated["metadata"]["annotations"];
    assert!(annotations["argocd.argoproj.io/tracking-id"].is_null());
}

#[tokio::test]
async fn arguments_are_checked() {
    let ns = TestNamespace::new("migrate-usage").await;
    let side = &ns.west;
    for (command, words) in [
        ("migrate", "specify a group"),
        ("migrate web --to ts", "--to takes a kind of route"),
        ("migrate a b --name c", "--name is for one group"),
    ] {
        run(side, command).await.code(2).stderr_contains(words);
    }
    run(side, "migrate nothing --yes")
        .await
        .code(1)
        .stderr_contains("there is no group");
    run(side, "migrate --all --yes")
        .await
        .code(1)
        .stderr_contains("no groups found in namespace");
}
