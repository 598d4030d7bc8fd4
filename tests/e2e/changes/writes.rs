//! Each change is one write, which succeeds only for the version of the object that was read.

use std::sync::Arc;

use http::Method;
use rustix::process::Signal;
use serde_json::json;
use tokio::sync::Notify;

use super::{annotation, assert_home, order, override_of, run, run_through, web};
use crate::support::{Fault, FaultProxy, TestNamespace};

#[tokio::test]
async fn one_patch_for_each_change_and_none_without_a_difference() {
    let ns = TestNamespace::new("one-patch").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let orders = [
        "force web --to web-east",
        "force web --to web-central --reason moved",
        "pause web",
        "resume web",
        "failback web",
    ];
    for (index, command) in orders.into_iter().enumerate() {
        run_through(&ns.west, proxy.kubeconfig(), command)
            .await
            .success();
        assert_eq!(proxy.writes(), index + 1, "{command}");
        // A repeated pause, and a change that is already in place, write nothing.
        run_through(&ns.west, proxy.kubeconfig(), command)
            .await
            .success();
        assert_eq!(proxy.writes(), index + 1, "{command} again");
    }
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn the_rest_of_the_object_stays() {
    let ns = TestNamespace::new("bare").await;
    web(&ns.west, [1, 1, 1]).await;
    let strip = |mut split: serde_json::Value| {
        for field in ["resourceVersion", "generation", "managedFields"] {
            split["metadata"].as_object_mut().unwrap().remove(field);
        }
        let annotations = split["metadata"]["annotations"].as_object_mut().unwrap();
        annotations.remove("failover.linkerd.io/last-move");
        split
    };
    let before = strip(ns.west.split("web").await);
    run(&ns.west, "force web --to web-east").await.success();
    run(&ns.west, "failback web").await.success();
    assert_eq!(strip(ns.west.split("web").await), before);
}

#[tokio::test]
async fn a_change_is_planned_again_after_a_concurrent_force() {
    let ns = TestNamespace::new("conflicting").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let gate = Arc::new(Notify::new());
    proxy.inject(
        Method::PATCH,
        "/trafficsplits/web",
        1,
        Fault::Wait(Arc::clone(&gate)),
    );
    let late = order(&ns.west, "force web --to web-central")
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    proxy
        .until_seen(Method::PATCH, "/trafficsplits/web", 1)
        .await;
    run(&ns.west, "force web --to web-east").await.success();
    gate.notify_one();
    let (status, stdout, stderr) = late.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{stdout:?} {stderr:?}");
    let note = override_of(&ns.west, "web").await;
    assert_eq!(
        (&note["to"], &note["home"]),
        (&json!("web-central"), &json!("web"))
    );
    ns.west.until_weights("web", &[0, 0, 1]).await;
    assert_eq!(proxy.writes(), 2);
    assert_eq!(
        ns.west.last_move("web").await["from"],
        "web=0,web-east=1,web-central=0"
    );
}

#[tokio::test]
async fn a_change_that_became_dangerous_is_refused() {
    let ns = TestNamespace::new("dangerous").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let gate = Arc::new(Notify::new());
    proxy.inject(
        Method::PATCH,
        "/trafficsplits/web",
        1,
        Fault::Wait(Arc::clone(&gate)),
    );
    let late = order(&ns.west, "force web --to web-east")
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    proxy
        .until_seen(Method::PATCH, "/trafficsplits/web", 1)
        .await;
    ns.west
        .edit_split("web", json!({"metadata": {"labels": {"touched": "yes"}}}))
        .await;
    ns.west.ready("web-east", 0).await;
    gate.notify_one();
    let (status, _, stderr) = late.wait_and_collect().await;
    assert_eq!(status.code(), Some(4), "{stderr:?}");
    assert!(
        stderr[0].contains("web-east has no ready endpoint"),
        "{stderr:?}"
    );
    ns.west.until_weights("web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn two_concurrent_forces_leave_one_override_and_the_right_home() {
    let ns = TestNamespace::new("two-operators").await;
    web(&ns.west, [1, 1, 1]).await;
    for _ in 0..3 {
        let (east, central) = tokio::join!(
            run(&ns.west, "force web --to web-east"),
            run(&ns.west, "force web --to web-central")
        );
        east.success();
        central.success();
        let note = override_of(&ns.west, "web").await;
        let to = note["to"].as_str().unwrap();
        assert_eq!(note["home"], "web");
        assert_eq!(annotation(&ns.west, "web", "primary-service").await, to);
        let weights = if to == "web-east" {
            [0, 1, 0]
        } else {
            [0, 0, 1]
        };
        ns.west.until_weights("web", &weights).await;
        run(&ns.west, "failback web").await.success();
        assert_home(&ns.west, "web", &[1, 0, 0]).await;
    }
}

#[tokio::test]
async fn failed_requests_are_retried() {
    let ns = TestNamespace::new("trouble").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let faults = [
        Fault::Answer(500, None),
        Fault::Answer(429, Some(1)),
        Fault::CutBefore,
    ];
    for fault in faults {
        proxy.inject(Method::PATCH, "/trafficsplits/web", 1, fault);
    }
    run_through(&ns.west, proxy.kubeconfig(), "force web --to web-east")
        .await
        .success();
    assert_eq!(proxy.writes(), 4);

    // The write has succeeded but its answer is lost. A second read shows that.
    proxy.inject(Method::PATCH, "/trafficsplits/web", 1, Fault::CutAfter);
    let output = run_through(&ns.west, proxy.kubeconfig(), "failback web")
        .await
        .success();
    output.stdout_contains("/web: already on web");
    assert_eq!(proxy.writes(), 5);
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn a_forbidden_or_invalid_write_is_not_retried() {
    let ns = TestNamespace::new("forbidden-write").await;
    web(&ns.west, [1, 1, 1]).await;
    for code in [403, 422] {
        let proxy = FaultProxy::before(&ns.west).await;
        proxy.inject(
            Method::PATCH,
            "/trafficsplits/web",
            9,
            Fault::Answer(code, None),
        );
        let output = run_through(&ns.west, proxy.kubeconfig(), "force web --to web-east")
            .await
            .code(1);
        output.stdout_is("").stderr_contains("error: ");
        assert_eq!(proxy.writes(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_signal_during_a_write_reports_an_unknown_outcome() {
    let ns = TestNamespace::new("write-signal").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let gate = Arc::new(Notify::new());
    proxy.inject(
        Method::PATCH,
        "/trafficsplits/web",
        1,
        Fault::Wait(Arc::clone(&gate)),
    );
    let force = order(&ns.west, "force web --to web-east")
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    proxy
        .until_seen(Method::PATCH, "/trafficsplits/web", 1)
        .await;
    let (status, stdout, stderr) = force.end_and_collect(Signal::INT).await;
    assert_eq!(status.code(), Some(130), "{stdout:?} {stderr:?}");
    let said = stderr.join("\n");
    assert!(said.contains("interrupted by SIGINT"), "{said}");
    assert!(
        said.contains(
            "web may or may not have been changed; to check: kubectl failover status web "
        ),
        "{said}"
    );
}

#[tokio::test]
async fn a_write_without_an_answer_reports_an_unknown_outcome() {
    let ns = TestNamespace::new("write-silence").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let gate = Arc::new(Notify::new());
    proxy.inject(Method::PATCH, "/trafficsplits/web", 99, Fault::Wait(gate));
    let command = "force web --to web-east --request-timeout 1s";
    let output = run_through(&ns.west, proxy.kubeconfig(), command)
        .await
        .code(1);
    output
        .stderr_contains("did not answer within 1 s")
        .stderr_contains("it answers other requests, so an admission webhook may hold this one up")
        .stderr_contains("web may or may not have been changed");
}
