//! A watch of each of several clusters, in one process.

use std::path::{Path, PathBuf};

use http::Method;
use serde_json::Value;

use crate::support::{Fault, FaultProxy, Plugin, TestNamespace, end, plugin, shared};

const BOTH: [&str; 3] = ["watch", "--contexts", "west,east"];

fn on_both(ns: &TestNamespace) -> Plugin {
    plugin().args(BOTH).namespace(&ns.name)
}

/// The shared kubeconfig with the contexts of another one.
fn behind(proxy: &FaultProxy) -> PathBuf {
    let files = [proxy.kubeconfig(), &shared().kubeconfig()].map(Path::to_path_buf);
    std::env::join_paths(files).unwrap().into()
}

#[tokio::test]
async fn each_cluster_has_its_watch_and_lines_name_it() {
    let ns = TestNamespace::new("contexts").await;
    for side in [&ns.west, &ns.east] {
        side.group("web", &[("web", 1, 1), ("web-other", 0, 1)])
            .await;
    }
    let mut watch = on_both(&ns).spawn();
    for context in ["west", "east"] {
        watch
            .stderr_line_containing(&format!("{context}: watching 1 group"))
            .await;
    }
    ns.east.ready("web", 0).await;
    let line = watch.line().await;
    assert!(
        line.contains("Z east: ") && line.contains("web: web -> web-other"),
        "{line}"
    );
    ns.west.ready("web", 0).await;
    let line = watch.line().await;
    assert!(
        line.contains("Z west: ") && line.contains("web: web -> web-other"),
        "{line}"
    );
    end(watch).await;
    for side in [&ns.west, &ns.east] {
        assert_eq!(side.lease_holder().await, "");
    }
}

#[tokio::test]
async fn a_broken_cluster_is_retried_and_affects_no_other() {
    let ns = TestNamespace::new("one-broken").await;
    for side in [&ns.west, &ns.east] {
        side.group("web", &[("web", 1, 1), ("web-other", 0, 1)])
            .await;
    }
    let proxy = FaultProxy::before(&ns.east).await;
    proxy.inject(
        Method::POST,
        "/selfsubjectreviews",
        1000,
        Fault::Answer(500, None),
    );
    let mut watch = on_both(&ns)
        .args(["-o", "json"])
        .kubeconfig(&behind(&proxy))
        .spawn();
    watch
        .stderr_line_containing("east: error: context east")
        .await;
    watch.stderr_line_containing("east: retrying").await;
    watch.stderr_line_containing("west: watching 1 group").await;
    ns.west.ready("web", 0).await;
    let line: Value = serde_json::from_str(&watch.line().await).unwrap();
    assert_eq!(
        (&line["context"], &line["name"]),
        (&"west".into(), &"web".into())
    );

    proxy.heal();
    watch.stderr_line_containing("east: watching 1 group").await;
    ns.east.ready("web", 0).await;
    let line: Value = serde_json::from_str(&watch.line().await).unwrap();
    assert_eq!(
        (&line["context"], &line["name"]),
        (&"east".into(), &"web".into())
    );
    let rest = end(watch).await;
    assert_eq!(rest.complaints("east: error"), 1, "{rest:?}");
}

#[tokio::test]
async fn a_cluster_that_was_never_reached_is_a_failure_at_the_end() {
    let ns = TestNamespace::new("broken-once").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-other", 0, 1)])
        .await;
    let proxy = FaultProxy::before(&ns.east).await;
    proxy.inject(
        Method::POST,
        "/selfsubjectreviews",
        1000,
        Fault::Answer(500, None),
    );
    let run = on_both(&ns).args(["--once"]).kubeconfig(&behind(&proxy));
    let output = run
        .run()
        .await
        .code(1)
        .stdout_contains("west: ")
        .stdout_contains("web -> web-other");
    output
        .stderr_contains("east: error: context east")
        .stderr_lacks("tried again");

    let run = on_both(&ns)
        .args(["--run-for", "2s"])
        .kubeconfig(&behind(&proxy));
    run.run()
        .await
        .code(1)
        .stderr_contains("west: watching 1 group")
        .stderr_contains("shutting down");
    proxy.heal();
    on_both(&ns)
        .args(["--run-for", "1s"])
        .kubeconfig(&behind(&proxy))
        .run()
        .await
        .success();
}
