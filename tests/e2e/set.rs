//! `set`: changes of policies and primaries.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{
    Fault, FaultProxy, Output, Side, TestNamespace, documented, end, plugin, watching,
};

async fn set(side: &Side, args: &[&str]) -> Output {
    plugin()
        .on(side)
        .args(["set"])
        .args(args.iter().copied())
        .run()
        .await
}

async fn annotation(side: &Side, name: &str, key: &str) -> Value {
    side.split(name).await["metadata"]["annotations"][format!("failover.linkerd.io/{key}")].clone()
}

async fn annotate(side: &Side, name: &str, key: &str, value: &str) {
    let patch =
        json!({"metadata": {"annotations": {(format!("failover.linkerd.io/{key}")): value}}});
    side.edit_split(name, patch).await;
}

async fn web(side: &Side, ready: [u8; 2]) {
    side.group("web", &[("web", 1, ready[0]), ("web-east", 0, ready[1])])
        .await;
}

#[tokio::test]
async fn a_policy_change_is_written_and_reported() {
    let ns = TestNamespace::new("set").await;
    web(&ns.west, [1, 1]).await;
    annotate(&ns.west, "web", "failback", "manual").await;
    let before = ns.west.split("web").await;
    let args = [
        "web",
        "--failover-delay",
        "10s",
        "--min-ready",
        "2",
        "--unset",
        "failback",
    ];
    for (mode, words) in [("client", "(dry run)"), ("server", "(server dry run)")] {
        let mode = format!("--dry-run={mode}");
        let output = set(&ns.west, &[&args[..], &[mode.as_str()]].concat())
            .await
            .success();
        output
            .stdout_contains("min-ready: (not set) -> 2")
            .stdout_contains(words);
    }
    assert_eq!(ns.west.split("web").await, before);
    let output = set(&ns.west, &args).await.success();
    output.stdout_contains(
        "/web: failback: manual -> (not set), failover-delay: (not set) -> 10s, min-ready: (not set) -> 2; traffic is on",
    );
    let after = ns.west.split("web").await;
    assert_eq!(after["spec"], before["spec"]);
    let annotations = json!({
        "failover.linkerd.io/primary-service": "web",
        "failover.linkerd.io/failover-delay": "10s",
        "failover.linkerd.io/min-ready": "2",
    });
    assert_eq!(after["metadata"]["annotations"], annotations);
    set(&ns.west, &args)
        .await
        .success()
        .stdout_contains("already set");
    let output = set(&ns.west, &["web", "--min-ready", "3", "-o", "json"])
        .await
        .success();
    documented(&output.json());
    assert_eq!(output.json()["items"][0]["result"], "changed");
}

#[tokio::test]
async fn the_watch_does_what_set_announced() {
    let ns = TestNamespace::new("set-next").await;
    web(&ns.west, [1, 1]).await;
    let output = set(
        &ns.west,
        &[
            "web",
            "--policy",
            "active-active",
            "--weights",
            "web=1,web-east=2",
        ],
    )
    .await;
    output
        .success()
        .stdout_contains("a watch will set the weights web=1,web-east=2");
    ns.west.until_weights("web", &[1, 0]).await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.until_weights("web", &[1, 2]).await;
    set(&ns.west, &["web", "--unset", "policy,weights"])
        .await
        .success();
    ns.west.until_weights("web", &[1, 0]).await;
    end(watch).await;
}

#[tokio::test]
async fn a_new_primary_needs_confirmation_and_no_override() {
    let ns = TestNamespace::new("set-primary").await;
    web(&ns.west, [1, 1]).await;
    let args = ["web", "--primary", "web-east"];
    set(&ns.west, &args)
        .await
        .code(4)
        .stderr_contains("add --yes");
    let output = set(&ns.west, &["web", "--primary", "elsewhere", "--yes"])
        .await
        .code(4);
    output.stderr_contains("\"elsewhere\" is not among the backends (web, web-east)");
    assert_eq!(annotation(&ns.west, "web", "primary-service").await, "web");
    let output = set(&ns.west, &[&args[..], &["--yes"]].concat())
        .await
        .success();
    output.stdout_contains(
        "primary-service: web -> web-east; a watch will set the weights web=0,web-east=1",
    );
    assert_eq!(
        annotation(&ns.west, "web", "primary-service").await,
        "web-east"
    );

    plugin()
        .on(&ns.west)
        .args(["force", "web", "--to", "web", "--yes"])
        .run()
        .await
        .success();
    let output = set(&ns.west, &["web", "--primary", "web-east", "--yes"])
        .await
        .code(4);
    output
        .stderr_contains("the group is forced")
        .stderr_contains(&format!(
            "kubectl failover failback web --context west -n {}",
            ns.name
        ));
    set(&ns.west, &["web", "--min-ready", "2"]).await.success();
    assert_eq!(annotation(&ns.west, "web", "primary-service").await, "web");

    annotate(&ns.west, "web", "primary-service", "web-east").await;
    let output = set(&ns.west, &["web", "--primary", "web", "--yes"])
        .await
        .success();
    output.stdout_contains("removed the stale override");
    let annotations = ns.west.split("web").await["metadata"]["annotations"].clone();
    assert_eq!(annotations["failover.linkerd.io/primary-service"], "web");
    assert!(
        annotations.get("failover.linkerd.io/override").is_none(),
        "{annotations}"
    );
}

#[tokio::test]
async fn invalid_settings_are_refused_and_invalid_groups_can_be_fixed() {
    let ns = TestNamespace::new("set-invalid").await;
    web(&ns.west, [1, 1]).await;
    let version = ns.west.version("web").await;
    let output = set(&ns.west, &["web", "--weights", "west=1"]).await.code(4);
    output
        .stderr_contains("that would make the group invalid")
        .stderr_contains("such as web=1,web-east=1");
    assert_eq!(ns.west.version("web").await, version);

    annotate(&ns.west, "web", "failover-delay", "soon").await;
    set(&ns.west, &["web", "--min-ready", "2"])
        .await
        .code(4)
        .stderr_contains("failover-delay is \"soon\"");
    let output = set(&ns.west, &["web", "--failover-delay", "5s"])
        .await
        .success();
    output.stdout_contains("failover-delay: soon -> 5s; traffic is on web (Primary)");
    annotate(&ns.west, "web", "failback", "never").await;
    set(&ns.west, &["web", "--unset", "failback"])
        .await
        .success();
    annotate(&ns.west, "web", "primary-service", "gone").await;
    set(&ns.west, &["web", "--primary", "web", "--yes"])
        .await
        .success();
    let status = plugin()
        .on(&ns.west)
        .args(["status", "web", "-o", "json"])
        .run()
        .await
        .success();
    assert_eq!(status.json()["items"][0]["state"], "Primary");
}

#[tokio::test]
async fn concurrent_writes_of_others_are_kept() {
    let ns = TestNamespace::new("set-race").await;
    web(&ns.west, [1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let gate = Arc::new(Notify::new());
    proxy.inject(
        Method::PATCH,
        "/trafficsplits/web",
        1,
        Fault::Wait(Arc::clone(&gate)),
    );
    let args = ["set", "web", "--min-ready", "2"];
    let late = plugin()
        .on(&ns.west)
        .args(args)
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    proxy
        .until_seen(Method::PATCH, "/trafficsplits/web", 1)
        .await;
    annotate(&ns.west, "web", "min-ready", "5").await;
    annotate(&ns.west, "web", "failback", "manual").await;
    gate.notify_one();
    let (status, stdout, stderr) = late.wait_and_collect().await;
    assert_eq!(status.code(), Some(0), "{stdout:?} {stderr:?}");
    assert!(stdout.concat().contains("min-ready: 5 -> 2;"), "{stdout:?}");
    assert_eq!(annotation(&ns.west, "web", "min-ready").await, "2");
    assert_eq!(annotation(&ns.west, "web", "failback").await, "manual");
}

#[tokio::test]
async fn several_groups_at_once_except_those_of_a_gitops_tool() {
    let ns = TestNamespace::new("set-several").await;
    web(&ns.west, [1, 1]).await;
    ns.west
        .group("mail", &[("mail", 1, 1), ("mail-east", 0, 1)])
        .await;
    let owned = json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "app:x"}}});
    ns.west.edit_split("mail", owned).await;
    set(&ns.west, &["--all", "--min-ready", "2"])
        .await
        .code(4)
        .stderr_contains("add --yes");
    let output = set(&ns.west, &["--all", "--min-ready", "2", "--yes"])
        .await
        .code(1);
    output
        .stdout_contains("/web: min-ready")
        .stderr_contains("Argo CD owns")
        .stderr_contains("--allow=gitops");
    assert_eq!(annotation(&ns.west, "mail", "min-ready").await, Value::Null);
    set(&ns.west, &["mail", "--min-ready", "2", "--allow=gitops"])
        .await
        .success();
    assert_eq!(annotation(&ns.west, "mail", "min-ready").await, "2");
}
