//! `failback --when-ready` and `--wait`.

use std::sync::Arc;

use http::Method;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{assert_home, order, run, run_through, web};
use crate::support::{
    Fault, FaultProxy, OBSERVATION_TIME, TestNamespace, operator_rights_without,
    restricted_kubeconfig, rule,
};

const TRACKED: &str = "argocd.argoproj.io/tracking-id";

#[tokio::test]
async fn failback_happens_as_soon_as_home_is_ready() {
    let ns = TestNamespace::new("when-ready").await;
    web(&ns.west, [0, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    let proxy = FaultProxy::before(&ns.west).await;
    let mut waiting = order(&ns.west, "failback web --when-ready")
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    let line = waiting.stderr_line_containing("waiting: ").await;
    assert_eq!(
        line,
        format!(
            "waiting: {}/web: web has 0 of 1 endpoints ready, 1 needed",
            ns.name
        )
    );

    proxy
        .until_seen(Method::GET, "endpointslices*watch=", 1)
        .await;
    let lists = || proxy.seen(&Method::GET, "/trafficsplits/web").len();
    let settled = async {
        let mut before = lists();
        // Until it has received the first list of its watch.
        loop {
            assert!(
                waiting.line_within(OBSERVATION_TIME).await.is_none(),
                "nothing is done yet"
            );
            if lists() == before {
                return before;
            }
            before = lists();
        }
    }
    .await;
    assert!(
        settled < 5,
        "it watches, and does not ask again and again: {settled}"
    );

    ns.west.ready("web", 1).await;
    let (status, stdout, stderr) = waiting.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{stderr:?}");
    assert!(
        stdout[0].contains("ended the override; traffic is on web"),
        "{stdout:?}"
    );
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn the_wait_has_a_time_limit() {
    let ns = TestNamespace::new("when-late").await;
    web(&ns.west, [0, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    let version = ns.west.version("web").await;
    let output = run(&ns.west, "failback web --when-ready --timeout 1s")
        .await
        .code(3);
    output
        .stdout_is("")
        .stderr_contains(&format!(
            "not ready in time: {}/web: web has 0 of 1 endpoints ready",
            ns.name
        ))
        .stderr_contains("nothing was changed");
    assert_eq!(ns.west.version("web").await, version);
}

#[tokio::test]
async fn ready_groups_fail_back_and_the_others_time_out() {
    let ns = TestNamespace::new("when-some").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    ns.west
        .group("mail", &[("mail", 1, 1), ("mail-east", 0, 1)])
        .await;
    let force = async || run(&ns.west, "force web mail").await.success();
    force().await;
    let output = run(&ns.west, "failback web mail --when-ready --timeout 1s")
        .await
        .code(3);
    output
        .stdout_contains("/mail: ended the override")
        .stderr_contains(&format!(
            "not ready in time: {}/web: web has 0 of 1 endpoints ready",
            ns.name
        ))
        .stderr_contains("2 groups: 1 changed, 1 not ready in time")
        .stderr_lacks("refused");
    ns.west.until_weights("mail", &[1, 0]).await;

    force().await;
    ns.west
        .edit_split(
            "mail",
            json!({"metadata": {"annotations": {TRACKED: "app:x"}}}),
        )
        .await;
    let output = run(
        &ns.west,
        "failback web mail --when-ready --timeout 1s -o json",
    )
    .await
    .code(1)
    .json();
    let results: Vec<&Value> = output["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["result"])
        .collect();
    assert_eq!(results, ["refused", "notMet"], "{output:#}");
}

#[tokio::test]
async fn a_ready_group_does_not_wait() {
    let ns = TestNamespace::new("when-now").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    run(&ns.west, "force web --to web-east").await.success();
    let output = run_through(&ns.west, proxy.kubeconfig(), "failback web --when-ready")
        .await
        .success();
    output.stderr_lacks("waiting");
    let again = run(&ns.west, "failback web --when-ready --timeout 1m")
        .await
        .success();
    again.stdout_contains("already on web");
    run(&ns.west, "failback web --timeout 1s")
        .await
        .code(2)
        .stderr_contains("--when-ready");
}

#[tokio::test]
async fn wait_ends_when_the_traffic_is_on_the_primary() {
    let ns = TestNamespace::new("failback-wait").await;
    web(&ns.west, [1, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    let output = run(&ns.west, "failback web --when-ready --wait --timeout 1m")
        .await
        .success();
    output.stdout_contains("traffic is on web (Primary)");
    run(&ns.west, "force web --to web-east").await.success();
    ns.west.ready("web", 0).await;
    let output = run(&ns.west, "failback web --wait --timeout 1s --allow=unready")
        .await
        .code(3);
    output
        .stdout_contains("ended the override")
        .stderr_contains(
            "timed out after 1.0 s waiting for the traffic to be back; no watch is running to move it",
        );
}

#[tokio::test]
async fn a_wait_survives_a_group_that_cannot_be_read() {
    let ns = TestNamespace::new("when-trouble").await;
    web(&ns.west, [0, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    let proxy = FaultProxy::before(&ns.west).await;
    let gate = Arc::new(Notify::new());
    proxy.inject(
        Method::GET,
        "/trafficsplits/web",
        1,
        Fault::Answer(503, None),
    );
    proxy.inject(
        Method::GET,
        "endpointslices*watch=",
        1,
        Fault::Wait(Arc::clone(&gate)),
    );
    let mut waiting = order(&ns.west, "failback web --when-ready")
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    let line = waiting
        .stderr_line_containing("waiting: context west")
        .await;
    assert!(line.contains("as scripted (HTTP 503)"), "{line}");
    ns.west.ready("web", 1).await;
    gate.notify_one();
    let (status, _, stderr) = waiting.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{stderr:?}");
    assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn a_wait_without_the_right_to_watch_fails_at_once() {
    let ns = TestNamespace::new("when-forbidden").await;
    web(&ns.west, [0, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    let mut rights = operator_rights_without("endpointslices");
    rights.push(rule("discovery.k8s.io", &["endpointslices"], &["list"]));
    let user = restricted_kubeconfig(&ns.west, "lister", &rights).await;
    let output = run_through(&ns.west, user.path(), "failback web --when-ready")
        .await
        .code(1);
    output.stderr_contains("cannot watch endpointslices.discovery.k8s.io");
}

#[tokio::test]
async fn a_group_that_is_deleted_during_the_wait_is_reported() {
    let ns = TestNamespace::new("when-deleted").await;
    web(&ns.west, [0, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    let mut waiting = order(&ns.west, "failback web --when-ready").spawn();
    waiting.stderr_line_containing("waiting: ").await;
    ns.west
        .traffic_splits()
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    ns.west.ready("web", 1).await;
    let (status, stdout, stderr) = waiting.wait_and_collect().await;
    assert_eq!((status.code(), stdout.len()), (Some(1), 0), "{stderr:?}");
    assert!(
        stderr
            .join("\n")
            .contains("group web does not exist any more"),
        "{stderr:?}"
    );
}
