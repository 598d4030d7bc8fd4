//! A migration that was killed goes on when the command is run again.

use kube::api::DeleteParams;
use rustix::process::Signal;
use serde_json::json;

use super::{
    Acceptor, LABEL, Observer, http_routes, is_group, route, run, split, typed, weights_of_route,
};
use crate::support::{TestNamespace, eventually, patch_json};

#[tokio::test]
async fn while_the_route_waits() {
    let ns = TestNamespace::new("migrate-killed").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let observer = Observer::of(side, "web");
    for _ in 0..2 {
        let mut migration = typed(side, "migrate web --yes").spawn();
        migration.stderr_line_containing("has not accepted").await;
        migration.end_with(Signal::KILL).await;
        assert!(is_group(&split(side, "web").await.unwrap()));
        assert!(!is_group(&route(side, "web").await.unwrap()));
    }
    run(side, "status web")
        .await
        .success()
        .stdout_contains("its migration to httproute/web has not finished")
        .stdout_contains("to cancel it: kubectl failover migrate web --undo");
    // The group fails over, and other backends are listed, while nothing migrates it.
    side.bare_service("web-north").await;
    side.set_weights("web", &[("web", 0), ("web-east", 0), ("web-north", 1)])
        .await;
    let _acceptor = Acceptor::of(side);
    run(side, "migrate web --yes").await.success();
    assert_eq!(split(side, "web").await, None);
    let migrated = route(side, "web").await.unwrap();
    assert_eq!(weights_of_route(&migrated), [0, 0, 1]);
    observer.end().await;
}

#[tokio::test]
async fn when_both_objects_are_groups() {
    let ns = TestNamespace::new("migrate-both").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let finalizer = json!({"metadata": {"finalizers": ["test.example/hold"]}});
    side.edit_split("web", finalizer).await;
    let _acceptor = Acceptor::of(side);
    let observer = Observer::of(side, "web");
    let mut migration = typed(side, "migrate web --yes").spawn();
    migration.stderr_line_containing("finalizer").await;
    migration.end_with(Signal::KILL).await;
    assert!(is_group(&split(side, "web").await.unwrap()));
    assert!(is_group(&route(side, "web").await.unwrap()));
    let status = run(side, "status httproute/web").await.success();
    status
        .stdout_contains("it takes over from web, which has not gone yet")
        .stdout_contains("kubectl failover migrate web");

    side.edit_split("web", json!({"metadata": {"finalizers": null}}))
        .await;
    eventually("the split is gone", async || {
        split(side, "web")
            .await
            .map_or(Ok(()), |it| Err(it.to_string()))
    })
    .await;
    run(side, "migrate web --yes")
        .await
        .success()
        .stdout_contains("already replaces trafficsplit/web");
    observer.end().await;
}

/// Someone deletes the TrafficSplit before the route is a group.
#[tokio::test]
async fn when_the_split_is_deleted_by_hand() {
    let ns = TestNamespace::new("migrate-gone").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    run(side, "migrate web --yes --timeout 0").await.code(3);
    let splits = side.traffic_splits();
    splits
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    run(side, "migrate --all --yes")
        .await
        .success()
        .stdout_contains("replaces trafficsplit/web");
    let migrated = route(side, "web").await.unwrap();
    assert_eq!(migrated["metadata"]["labels"][LABEL], "linkerd-failover");
}

#[tokio::test]
async fn an_unfinished_migration_is_cancelled_by_undo() {
    let ns = TestNamespace::new("migrate-cancel").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    run(side, "migrate web --yes --timeout 0").await.code(3);
    let label = json!({"metadata": {"labels": {LABEL: "linkerd-failover"}}});
    for is_group in [false, true] {
        if is_group {
            run(side, "migrate web --yes --timeout 0").await.code(3);
            patch_json(&http_routes(side), "web", label.clone()).await;
        }
        run(side, "migrate web --undo --yes")
            .await
            .success()
            .stdout_contains("/web: kept; httproute/web is gone");
        assert_eq!(route(side, "web").await, None);
        assert!(split(side, "web").await.is_some());
    }
    // And an unfinished undo by the migration.
    let _acceptor = Acceptor::of(side);
    run(side, "migrate web --yes").await.success();
    let origin = route(side, "web").await.unwrap()["metadata"]["uid"].clone();
    let note = json!({
        "kind": "httproute", "name": "web", "uid": origin, "label": "linkerd-failover", "by": "me",
        "at": "2026-01-01T00:00:00Z",
    });
    side.traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
    let begun = json!({"metadata": {
        "labels": {LABEL: null},
        "annotations": {"failover.linkerd.io/migrated-from": note.to_string()},
    }});
    side.edit_split("web", begun).await;
    run(side, "migrate web --yes")
        .await
        .success()
        .stdout_contains("httproute/web: kept; trafficsplit/web is gone");
    assert_eq!(split(side, "web").await, None);
    assert!(is_group(&route(side, "web").await.unwrap()));
}
