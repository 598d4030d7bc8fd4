//! `status --for` and `status --exit-code`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{
    Fault, FaultProxy, Output, Plugin, Side, TestNamespace, plugin, restricted_kubeconfig, rule,
};

const GROUP: &[(&str, u32, u8)] = &[("web", 1, 1), ("web-east", 0, 1)];

#[tokio::test]
async fn a_condition_that_is_met_already_ends_at_once() {
    let ns = TestNamespace::new("met").await;
    ns.west.group("web", GROUP).await;
    for condition in [
        "Primary",
        "failover,primary",
        "!failover",
        "redundant",
        "active=web",
        "!active=web-east",
    ] {
        let output = status(&ns.west, &["--for", condition, "--timeout", "0s"])
            .await
            .success();
        output
            .stdout_contains("web   web   Primary")
            .stderr_is_empty();
    }
    status(
        &ns.west,
        &[
            "web",
            "--for",
            "primary",
            "--for",
            "redundant",
            "-o",
            "name",
        ],
    )
    .await
    .success()
    .stdout_is("trafficsplit/web\n")
    .stderr_is_empty();
}

#[tokio::test]
async fn a_wait_ends_with_a_failover() {
    let ns = TestNamespace::new("comes").await;
    ns.west.group("web", GROUP).await;
    let waiting = [
        "web",
        "--for",
        "Failover",
        "--for",
        "active=web-east",
        "--timeout",
        "60s",
    ];
    let mut waiting = command(&ns.west, &waiting).spawn();
    waiting
        .stderr_line_containing("waiting up to 60 s for Failover and active=web-east")
        .await;
    ns.west
        .set_weights("web", &[("web", 0), ("web-east", 1)])
        .await;
    ns.west.ready("web", 0).await;
    let table = waiting.line_containing("Failover").await;
    assert!(table.contains("web-east"), "{table}");
    assert_eq!(waiting.wait().await.code(), Some(0));
    let output = status(&ns.west, &["webb", "--for", "primary", "--timeout", "0s"])
        .await
        .code(3);
    output.stderr_contains("did you mean web?");
}

#[tokio::test]
async fn a_timeout_names_the_unmet_conditions() {
    let ns = TestNamespace::new("missing").await;
    ns.west.group("web", GROUP).await;
    ns.west
        .group("mail", &[("mail", 1, 0), ("mail-east", 0, 1)])
        .await;
    let output = status(
        &ns.west,
        &["--for", "Primary", "--for", "!short", "--timeout", "2s"],
    )
    .await
    .code(3);
    let output = output
        .stdout_is("")
        .stderr_contains("error: timed out after 2 s waiting for Primary and !short");
    let group = format!(
        "{}/mail is Down (short,redundant,unattended), active mail",
        ns.name
    );
    let output = output.stderr_contains(&format!("{group}; waiting for Primary and !short"));
    output.stderr_lacks("/web is");

    let output = status(
        &ns.west,
        &["--for", "primary", "--timeout", "0s", "-o", "json"],
    )
    .await
    .code(3);
    let list = output.json();
    assert_eq!(list["kind"], "StatusList");
    assert_eq!(list["exitCode"], 3);
    let missing = json!([{"namespace": ns.name, "object": "trafficsplit", "name": "mail",
        "state": "Down", "asked": ["Primary"]}]);
    assert_eq!(list["missing"], missing);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_wait_includes_groups_that_do_not_exist_yet() {
    let ns = TestNamespace::new("absent").await;
    let output = status(&ns.west, &["--for", "primary", "--timeout", "0s"])
        .await
        .code(3);
    output.stderr_contains(&format!(
        "there are no groups in namespace {} of context west",
        ns.name
    ));
    let output = status(&ns.west, &["ts/web", "--for", "primary", "--timeout", "0s"])
        .await
        .code(3);
    output
        .stderr_contains("there is no group \"web\"")
        .stderr_contains("waiting for Primary");

    let mut waiting = command(&ns.west, &["web", "--for", "Primary", "--timeout", "1m"]).spawn();
    waiting
        .stderr_line_containing("there is no group \"web\"")
        .await;
    ns.west.group("web", GROUP).await;
    waiting.line_containing("web   web   Primary").await;
    assert_eq!(waiting.wait().await.code(), Some(0));
    let output = status(&ns.west, &["webb", "--for", "primary", "--timeout", "0s"])
        .await
        .code(3);
    output.stderr_contains("did you mean web?");
}

#[tokio::test]
async fn a_wait_follows_changes_by_watches() {
    let ns = TestNamespace::new("nopolling").await;
    ns.west.group("web", GROUP).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let waiting =
        command(&ns.west, &["--for", "Failover", "--timeout", "4s"]).kubeconfig(proxy.kubeconfig());
    waiting.run().await.code(3);
    for path in ["/trafficsplits?", "/endpointslices?", "/leases?"] {
        let seen = proxy.seen(&http::Method::GET, path);
        assert_eq!(seen.len(), 2, "one list and one watch of {path}: {seen:?}");
    }
}

#[tokio::test]
async fn a_missing_cluster_is_not_awaited() {
    let started = Instant::now();
    let nowhere = plugin()
        .server("https://127.0.0.1:1")
        .args(["status", "--for", "primary"])
        .run()
        .await;
    nowhere.code(1).stderr_contains("cannot be reached");
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "{:?}",
        started.elapsed()
    );

    let ns = TestNamespace::new("cut").await;
    ns.west.group("web", GROUP).await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.inject(http::Method::GET, "/trafficsplits", 1, Fault::CutBefore);
    let output = command(&ns.west, &["--for", "primary"])
        .kubeconfig(proxy.kubeconfig())
        .run()
        .await;
    output.code(1).stderr_contains("cannot be reached");
}

#[tokio::test]
async fn an_invalid_condition_lists_the_valid_ones() {
    let output = plugin()
        .without_clusters()
        .args(["status", "--for", "failed"])
        .run()
        .await
        .code(2);
    let output = output
        .stderr_contains("unknown condition \"failed\"")
        .stderr_contains("OutOfSync");
    output
        .stderr_contains("redundant")
        .stderr_contains("active=BACKEND");
    for args in [
        vec!["--timeout", "5s"],
        vec!["--for", "primary", "-w"],
        vec!["-w", "--exit-code"],
    ] {
        plugin()
            .without_clusters()
            .args(["status"])
            .args(args)
            .run()
            .await
            .code(2);
    }
}

/// It needs to list and watch, and nothing else.
#[tokio::test]
async fn a_wait_needs_only_the_documented_rights() {
    let ns = TestNamespace::new("waitrights").await;
    ns.west.group("web", GROUP).await;
    let rights = [
        rule("split.smi-spec.io", &["trafficsplits"], &["list", "watch"]),
        rule("discovery.k8s.io", &["endpointslices"], &["list", "watch"]),
        rule("", &["services"], &["get", "list", "watch"]),
    ];
    let kubeconfig = restricted_kubeconfig(&ns.west, "reader", &rights).await;
    let output = command(&ns.west, &["--for", "primary", "-o", "json"])
        .kubeconfig(kubeconfig.path())
        .run()
        .await;
    let list = output.success().json();
    assert_eq!(
        list["items"][0]["runner"]["kind"], "unknown",
        "Leases may not be read: {list}"
    );
    assert_eq!(list["exitCode"], 0);
}

#[tokio::test]
async fn the_exit_code_reports_whether_all_groups_are_well() {
    let ns = TestNamespace::new("exitcode").await;
    let exit_code =
        async |args: &[&str]| status(&ns.west, &[&["--exit-code"], args].concat()).await;
    exit_code(&[])
        .await
        .code(3)
        .stderr_contains("No groups found");
    ns.west.group("web", GROUP).await;
    exit_code(&[]).await.success().stdout_contains("Primary");
    ns.west
        .group("mail", &[("mail", 1, 0), ("mail-east", 0, 1)])
        .await;
    exit_code(&[])
        .await
        .code(3)
        .stdout_contains("Down")
        .stdout_contains("Primary");
    exit_code(&["web"]).await.success();
    assert_eq!(
        exit_code(&["-o", "json"]).await.code(3).json()["exitCode"],
        3
    );
}

fn command(side: &Side, args: &[&str]) -> Plugin {
    plugin().args(["status"]).args(args.to_vec()).on(side)
}

async fn status(side: &Side, args: &[&str]) -> Output {
    command(side, args).run().await
}
