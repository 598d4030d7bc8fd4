//! Runs with `--once` and `--dry-run`, and interrupts.

use k8s_openapi::api::coordination::v1::Lease;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{TestNamespace, documented, plugin, watching};

#[tokio::test]
async fn once_makes_the_needed_moves_and_ends() {
    let ns = TestNamespace::new("once").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    ns.west
        .group("fine", &[("fine", 1, 1), ("fine-east", 0, 1)])
        .await;
    let output = plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .run()
        .await
        .success();
    let output = output
        .stdout_contains("web: web -> web-east: web has no ready endpoints (0 of 1), written in ");
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
    ns.west.until_weights("web", &[0, 1]).await;
    assert_eq!(ns.west.lease_holder().await, "");

    let version = ns.west.version("web").await;
    plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .run()
        .await
        .success()
        .stdout_is("");
    assert_eq!(ns.west.version("web").await, version);
}

#[tokio::test]
async fn once_in_a_namespace_without_groups_ends() {
    let ns = TestNamespace::new("once-empty").await;
    let output = plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .run()
        .await
        .success();
    output
        .stdout_is("")
        .stderr_contains("there are no groups yet")
        .stderr_lacks("does not exist");
    let typo = plugin()
        .args([
            "watch",
            "--once",
            "--context",
            "west",
            "-n",
            "no-such-place",
        ])
        .run()
        .await;
    typo.success()
        .stderr_contains("warning: namespace no-such-place does not exist in context west");
}

#[tokio::test]
async fn a_dry_run_reports_moves_and_writes_nothing() {
    let ns = TestNamespace::new("dry-run").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let version = ns.west.version("web").await;
    let output = plugin()
        .args(["watch", "--once", "--dry-run"])
        .on(&ns.west)
        .run()
        .await
        .success();
    let output = output
        .stdout_contains("web: web -> web-east: web has no ready endpoints (0 of 1) (dry run)");
    assert_eq!(output.stdout.lines().count(), 1, "{output}");

    let args = ["watch", "--once", "--dry-run", "-o", "json"];
    let line = plugin()
        .args(args)
        .on(&ns.west)
        .run()
        .await
        .success()
        .json();
    assert_eq!(line["dryRun"], true, "{line}");
    assert_eq!(ns.west.version("web").await, version);
    assert!(
        ns.west
            .api::<Lease>()
            .get_opt("kubectl-failover")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn moves_as_json() {
    let ns = TestNamespace::new("json-lines").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let mut watch = watching(&ns.west, &["-o", "json"]).await;
    ns.west.ready("web", 0).await;
    let away: Value = serde_json::from_str(&watch.line().await).unwrap();
    ns.west.ready("web", 1).await;
    let home: Value = serde_json::from_str(&watch.line().await).unwrap();
    for line in [&away, &home] {
        let mut keys: Vec<&str> = line
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .filter(|key| !["delayMs", "downMs", "readyMs"].contains(key))
            .collect();
        keys.sort_unstable();
        let expected = [
            "apex",
            "apiVersion",
            "context",
            "dryRun",
            "event",
            "from",
            "kind",
            "name",
            "namespace",
            "object",
            "time",
            "to",
            "tookMs",
            "unverified",
            "why",
        ];
        assert_eq!(keys, expected);
        documented(line);
        assert_eq!(line["apiVersion"], "cli.failover.linkerd.io/v1");
        assert_eq!(line["kind"], "Transition");
        assert_eq!(line["namespace"], ns.name);
        assert!(line["tookMs"].as_f64().unwrap() > 0.0, "{line}");
    }
    let carrying =
        serde_json::json!([{"backend": "web", "weight": 0}, {"backend": "web-east", "weight": 1}]);
    assert_eq!((&away["to"], &home["from"]), (&carrying, &carrying));
    let status = watch.end_with(Signal::TERM).await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn an_interrupt_shuts_down_and_releases_the_lease() {
    let ns = TestNamespace::new("interrupt").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let mut watch = watching(&ns.west, &[]).await;
    watch.line().await;
    let holder = ns.west.lease_holder().await;
    assert!(
        holder.starts_with(&format!("system:serviceaccount:{}:operator@", ns.name)),
        "{holder}"
    );
    let status = watch.end_with(Signal::INT).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(ns.west.lease_holder().await, "");
}
