//! Migrations there and back, beside a running watch.

use serde_json::json;

use super::{
    Acceptor, LABEL, Observer, annotations, is_group, route, run, split, typed, weights_of_route,
    weights_of_split,
};
use crate::support::{
    Pty, TestNamespace, accept_http_route, documented, end, eventually, watching,
};

/// The group fails over while the route waits to be accepted, and again after the migration.
#[tokio::test]
async fn a_split_becomes_a_route_under_a_running_watch() {
    let ns = TestNamespace::new("migrate").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    run(side, "set web --failover-delay 1s --min-ready 1")
        .await
        .success();
    let watch = watching(side, &[]).await;
    let observer = Observer::of(side, "web");
    let mut migration = typed(side, "migrate web --yes -o json").spawn();
    migration
        .stderr_line_containing("Linkerd has not accepted the route yet")
        .await;
    let waiting = route(side, "web").await.unwrap();
    assert!(!is_group(&waiting), "{waiting}");
    assert_eq!(weights_of_route(&waiting), [1, 0]);

    side.ready("web", 0).await;
    side.until_weights("web", &[0, 1]).await;
    eventually("the route follows", async || {
        let (route, split) = (route(side, "web").await, split(side, "web").await);
        let (route, split) = (route.unwrap(), split.unwrap());
        if weights_of_route(&route) == [0, 1] && annotations(&route) == annotations(&split) {
            Ok(())
        } else {
            Err(format!("{route}"))
        }
    })
    .await;
    let moved = annotations(&split(side, "web").await.unwrap());
    accept_http_route(side, "web").await;
    let (status, stdout, stderr) = migration.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{stdout:?} {stderr:?}");
    let report: serde_json::Value = serde_json::from_str(&stdout.join("\n")).unwrap();
    documented(&report);
    let item = &report["items"][0];
    assert_eq!(
        json!([item["result"], item["object"], item["name"], item["state"]]),
        json!(["changed", "httproute", "web", "Failover"])
    );
    assert_eq!(split(side, "web").await, None);
    let migrated = route(side, "web").await.unwrap();
    assert_eq!(migrated["metadata"]["labels"][LABEL], "linkerd-failover");
    assert_eq!(annotations(&migrated), moved);

    side.ready("web", 1).await;
    eventually("the watch runs the route", async || {
        let weights = weights_of_route(&route(side, "web").await.unwrap());
        if weights == [1, 0] {
            Ok(())
        } else {
            Err(format!("{weights:?}"))
        }
    })
    .await;
    observer.end().await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("invalid"), 0, "{rest:?}");
    run(side, "migrate web --yes")
        .await
        .success()
        .stdout_contains("already replaces trafficsplit/web");
}

/// Orders move with the group, and come back with it.
#[tokio::test]
async fn orders_are_kept_there_and_back() {
    let ns = TestNamespace::new("migrate-orders").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    side.edit_split("web", json!({"metadata": {"labels": {"team": "a"}}}))
        .await;
    run(side, "force web --to web-east --reason INC-1 --yes")
        .await
        .success();
    run(side, "pause web --reason maintenance").await.success();
    let before = split(side, "web").await.unwrap();
    let _acceptor = Acceptor::of(side);
    let observer = Observer::of(side, "web");
    run(side, "migrate web --dry-run=client")
        .await
        .success()
        .stdout_contains("/web: becomes httproute/web (dry run)");
    run(side, "migrate web --dry-run=server").await.success();
    assert_eq!(route(side, "web").await, None);
    run(side, "migrate web --yes")
        .await
        .success()
        .stdout_contains("httproute/web: replaces trafficsplit/web; traffic is on web-east");
    let migrated = route(side, "web").await.unwrap();
    assert_eq!(annotations(&migrated), annotations(&before));
    assert_eq!(migrated["metadata"]["labels"]["team"], "a");
    assert_eq!(weights_of_route(&migrated), [0, 1]);
    let status = run(side, "status web").await.success();
    status.stdout_contains("Paused").stdout_contains("INC-1");

    // Nothing makes ServiceProfiles here.
    run(side, "migrate web --undo --yes")
        .await
        .code(4)
        .stderr_contains("so the TrafficSplit will have no effect")
        .stderr_contains("--allow=unaccepted");
    assert_eq!(split(side, "web").await, None);
    run(side, "migrate web --undo --yes --allow=unaccepted,away")
        .await
        .success()
        .stdout_contains("replaces httproute/web");
    assert_eq!(route(side, "web").await, None);
    let back = split(side, "web").await.unwrap();
    assert_eq!(annotations(&back), annotations(&before));
    assert_eq!(back["metadata"]["labels"], before["metadata"]["labels"]);
    assert_eq!(weights_of_split(&back), [0, 1]);
    observer.end().await;
}

#[tokio::test]
async fn several_groups_are_migrated_with_a_summary() {
    let ns = TestNamespace::new("migrate-all").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    side.group("mail", &[("mail", 1, 1), ("mail-east", 0, 1)])
        .await;
    side.group("bad", &[("bad", 1, 1), ("bad-east", 0, 1)])
        .await;
    side.edit_split(
        "bad",
        json!({"metadata": {"annotations": {"failover.linkerd.io/policy": "none"}}}),
    )
    .await;
    let _acceptor = Acceptor::of(side);
    let output = run(side, "migrate --all --yes").await.code(1);
    output
        .stdout_contains("httproute/web: replaces trafficsplit/web")
        .stdout_contains("httproute/mail: replaces trafficsplit/mail")
        .stderr_contains("not a valid group")
        .stderr_contains("3 groups: 2 changed, 1 refused");
    let again = run(side, "migrate --all --yes").await.code(4);
    again.stderr_contains("not a valid group");
    run(side, "migrate --undo --all --yes --allow=unaccepted")
        .await
        .success()
        .stderr_contains("2 groups: 2 changed");
    run(side, "migrate web --to grpcroute --yes --allow=unaccepted")
        .await
        .success()
        .stdout_contains("grpcroute/web: replaces trafficsplit/web");
    run(
        side,
        "migrate grpcroute/web --undo --yes --allow=unaccepted",
    )
    .await
    .success();
    run(side, "migrate mail --name post --to httproute --yes")
        .await
        .success()
        .stdout_contains("httproute/post: replaces trafficsplit/mail");
    run(side, "migrate post --undo --yes --allow=unaccepted")
        .await
        .success()
        .stdout_contains("/mail: replaces httproute/post");
}

#[tokio::test]
async fn the_prompt_says_what_becomes_of_the_group() {
    let ns = TestNamespace::new("migrate-prompt").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    run(side, "migrate web")
        .await
        .code(4)
        .stderr_contains("add --yes");
    let _acceptor = Acceptor::of(side);
    let mut pty = Pty::start(typed(side, "migrate web").command(), 120, 40);
    pty.answer("Continue? [y/N]", "y").await;
    let (code, screen) = pty.wait().await;
    assert_eq!(code, Some(0), "{screen}");
    assert!(
        screen.contains("becomes httproute/web; traffic stays on web"),
        "{screen}"
    );
}
