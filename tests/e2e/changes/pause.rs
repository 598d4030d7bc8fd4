//! Paused groups.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{annotation, assert_home, order, override_of, run, seen_by_the_loop, status, web};
use crate::support::{TestNamespace, end, eventually, plugin, watching};

const PAUSED: &str = "failover.linkerd.io/paused";

#[tokio::test]
async fn a_paused_group_stays_as_it_is_until_it_is_resumed() {
    let ns = TestNamespace::new("pause").await;
    web(&ns.west, [1, 1, 0]).await;
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "pause web --reason upgrade")
        .await
        .success()
        .stdout_contains("/web: paused; traffic is on web");
    ns.west.ready("web", 0).await;
    seen_by_the_loop(&ns.west).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;
    let paused = status(&ns.west, "web").await;
    assert_eq!(
        (&paused["state"], &paused["paused"]["reason"]),
        (&json!("Paused"), &json!("upgrade"))
    );
    let table = plugin()
        .args(["status", "web"])
        .on(&ns.west)
        .run()
        .await
        .success();
    table
        .stdout_contains(": upgrade")
        .stdout_contains("next: kubectl failover resume web --context west");
    run(&ns.west, "pause web")
        .await
        .success()
        .stdout_contains("already paused");

    run(&ns.west, "resume web")
        .await
        .success()
        .stdout_contains("/web: resumed");
    ns.west.until_weights("web", &[0, 1, 0]).await;
    assert_eq!(annotation(&ns.west, "web", "paused").await, Value::Null);
    run(&ns.west, "resume web")
        .await
        .success()
        .stdout_contains("not paused");
    end(watch).await;
}

#[tokio::test]
async fn a_pause_of_a_group_of_a_gitops_tool_gets_a_warning() {
    let ns = TestNamespace::new("pause-owned").await;
    web(&ns.west, [1, 1, 0]).await;
    let owned = json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "app:x"}}});
    ns.west.edit_split("web", owned).await;
    let words = "(warning: Argo CD owns the object and may undo this)";
    run(&ns.west, "pause web")
        .await
        .success()
        .stdout_contains(&format!("/web: paused {words}"));
    run(&ns.west, "resume web")
        .await
        .success()
        .stdout_contains(&format!("/web: resumed {words}"));
}

#[tokio::test]
async fn a_pause_with_a_duration_expires() {
    let ns = TestNamespace::new("pause-end").await;
    web(&ns.west, [1, 1, 0]).await;
    let mut watch = watching(&ns.west, &[]).await;
    run(&ns.west, "pause web --duration 2s")
        .await
        .success()
        .stdout_contains("paused until ");
    ns.west.ready("web", 0).await;
    watch.line_containing("web -> web-east").await;
    ns.west.until_weights("web", &[0, 1, 0]).await;
    assert_eq!(annotation(&ns.west, "web", "paused").await, Value::Null);
    end(watch).await;
}

#[tokio::test]
async fn an_expired_pause_without_a_watch_is_reported() {
    let ns = TestNamespace::new("pause-over").await;
    web(&ns.west, [0, 1, 0]).await;
    run(&ns.west, "pause web --duration 1s").await.success();
    eventually("the pause is over", async || {
        let status = status(&ns.west, "web").await;
        if status["state"] == "Down" {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
    let table = plugin()
        .args(["status", "web"])
        .on(&ns.west)
        .run()
        .await
        .success();
    table
        .stdout_contains("all traffic still goes to web, which has no ready endpoints")
        .stdout_contains("The pause has expired.")
        .stdout_contains("  fail over now: kubectl failover force web --to web-east");
}

#[tokio::test]
async fn a_pause_delays_the_end_of_an_override() {
    let ns = TestNamespace::new("pause-force").await;
    web(&ns.west, [1, 1, 0]).await;
    let watch = watching(&ns.west, &[]).await;
    run(&ns.west, "pause web").await.success();
    run(&ns.west, "force web --to web-east --duration 1s")
        .await
        .success();
    eventually("the override is over", async || {
        let status = status(&ns.west, "web").await;
        if status["override"]["status"] == "over" {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
    seen_by_the_loop(&ns.west).await;
    assert_eq!(override_of(&ns.west, "web").await["to"], "web-east");
    run(&ns.west, "resume web").await.success();
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_hold_leaves_a_paused_group_alone() {
    let ns = TestNamespace::new("pause-wait").await;
    web(&ns.west, [1, 1, 0]).await;
    run(&ns.west, "pause web").await.success();
    let output = run(&ns.west, "force web --to web-east --duration 1s --wait")
        .await
        .code(4);
    output
        .stderr_contains("so --wait could not end the force")
        .stderr_contains("resume web");
    assert_eq!(override_of(&ns.west, "web").await, Value::Null);

    run(&ns.west, "resume web").await.success();
    let mut force = order(&ns.west, "force web --to web-east --duration 1h --wait").spawn();
    force.stderr_line_containing("Holding").await;
    run(&ns.west, "pause web").await.success();
    let (status, _, stderr) = force.end_and_collect(Signal::INT).await;
    assert_eq!(status.code(), Some(4), "{stderr:?}");
    assert!(
        stderr
            .iter()
            .any(|line| line.contains("the override stays: paused by ")),
        "{stderr:?}"
    );
    assert_eq!(override_of(&ns.west, "web").await["to"], "web-east");
}

#[tokio::test]
async fn an_unreadable_pause_is_in_force_and_can_be_ended() {
    let ns = TestNamespace::new("pause-text").await;
    web(&ns.west, [1, 1, 0]).await;
    ns.west
        .edit_split("web", json!({"metadata": {"annotations": {PAUSED: "yes"}}}))
        .await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.ready("web", 0).await;
    seen_by_the_loop(&ns.west).await;
    ns.west.until_weights("web", &[1, 0, 0]).await;
    assert_eq!(status(&ns.west, "web").await["reason"], "paused by someone");
    run(&ns.west, "resume web").await.success();
    ns.west.until_weights("web", &[0, 1, 0]).await;
    end(watch).await;
}
