//! The groups of several clusters at once.

use std::path::Path;

use http::Method;
use serde_json::json;

use crate::e2e::routes::http_route;
use crate::support::{
    Fault, FaultProxy, Output, Plugin, TestNamespace, add_gone, documented, kubeconfig_with,
    plugin, shared,
};

async fn groups(purpose: &str) -> TestNamespace {
    let ns = TestNamespace::new(purpose).await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    ns.east
        .group("web", &[("web", 1, 1), ("web-west", 0, 1)])
        .await;
    ns.east
        .group("mail", &[("mail", 1, 0), ("mail-west", 0, 1)])
        .await;
    ns
}

fn status(ns: &TestNamespace, args: &[&str]) -> Plugin {
    plugin()
        .args(["status"])
        .args(args.to_vec())
        .namespace(&ns.name)
}

#[tokio::test]
async fn a_column_names_the_cluster() {
    let ns = groups("clusters").await;
    let output = status(&ns, &["--contexts", "west,east"])
        .run()
        .await
        .success();
    let rows: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .take(4)
        .map(|line| line.split_whitespace().take(4).collect())
        .collect();
    let expected = [
        ["CLUSTER", "NAME", "APEX", "STATE"],
        ["west", "web", "web", "Primary"],
        ["east", "mail", "mail", "Down"],
        ["east", "web", "web", "Primary"],
    ];
    assert_eq!(rows, expected, "{output}");
    output
        .stdout_contains(
            "\neast: mail: all traffic still goes to mail, which has no ready endpoints",
        )
        .stdout_contains("--context east -n")
        .stderr_is_empty();
}

#[tokio::test]
async fn an_unreachable_cluster_is_one_line_of_the_output() {
    let ns = groups("gone").await;
    let kubeconfig = kubeconfig_with(add_gone);
    for contexts in [&["--contexts", "gone,west"][..], &["--all-contexts"]] {
        let output = status(&ns, contexts)
            .kubeconfig(kubeconfig.path())
            .run()
            .await
            .code(1);
        let output = output.stdout_contains("west     web").stdout_contains(
            "\ngone: error: the API server of context gone (https://127.0.0.1:9) cannot be reached",
        );
        output
            .stdout_contains("  try: kubectl --context gone version")
            .stderr_is_empty();
    }
}

#[tokio::test]
async fn a_hanging_cluster_has_a_time_limit_of_its_own() {
    let ns = groups("clusters-hang").await;
    let proxy = FaultProxy::before(&ns.east).await;
    proxy.inject(Method::GET, "", 1000, Fault::Hang);
    let kubeconfig = std::env::join_paths([proxy.kubeconfig(), &shared().kubeconfig()]).unwrap();
    let args = ["--contexts", "east,west", "--request-timeout", "2s"];
    let output = status(&ns, &args)
        .kubeconfig(Path::new(&kubeconfig))
        .run()
        .await
        .code(1);
    output
        .stdout_contains("west     web")
        .stdout_contains("did not answer within 2 s");
}

/// Programs read this: a change here breaks them.
#[tokio::test]
async fn the_shape_of_the_json() {
    let ns = groups("clusters-json").await;
    http_route(&ns.west, "route", "web").await;
    let kubeconfig = kubeconfig_with(add_gone);
    let args = ["--contexts", "west,gone", "-o", "json"];
    let list = status(&ns, &args)
        .kubeconfig(kubeconfig.path())
        .run()
        .await
        .code(1)
        .json();
    documented(&list);
    assert_eq!(keys(&list), ["apiVersion", "clusters", "exitCode", "kind"]);
    assert_eq!(
        (&list["kind"], &list["exitCode"]),
        (&json!("ClusterStatusList"), &json!(1))
    );
    let (west, gone) = (&list["clusters"][0], &list["clusters"][1]);
    assert_eq!(keys(west), ["context", "items", "server"]);
    assert_eq!(keys(gone), ["context", "error", "items", "next", "server"]);
    assert_eq!(
        (&west["context"], &gone["context"]),
        (&json!("west"), &json!("gone"))
    );
    assert_eq!(
        (&gone["server"], &gone["items"]),
        (&json!(null), &json!([]))
    );
    let alone = plugin()
        .args(["status", "-o", "json"])
        .on(&ns.west)
        .run()
        .await
        .success()
        .json();
    assert_eq!(west["items"], alone["items"]);
    let warnings = west["items"][0]["warnings"].as_array().unwrap();
    let conflict = "TrafficSplit web routes the same service, so this may have no effect";
    assert!(
        warnings.iter().any(|warning| warning == conflict),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn names_labels_and_exit_codes_cover_all_clusters() {
    let ns = groups("clusters-names").await;
    let both = |args: &[&str]| status(&ns, &[&["--contexts", "west,east"], args].concat());
    let count = |output: &Output| {
        output
            .stdout
            .lines()
            .filter(|line| line.contains("Primary"))
            .count()
    };
    let output = both(&["web"]).run().await.success();
    assert_eq!(count(&output), 2, "{output}");
    both(&["mail"])
        .run()
        .await
        .success()
        .stdout_contains("east     mail");
    let output = both(&["nobody"]).run().await.code(1).stdout_is_empty();
    output.stderr_contains("there is no group nobody in any cluster that could be read");
    both(&["--exit-code", "web"]).run().await.success();
    both(&["--exit-code"]).run().await.code(3);
    both(&["-l", "team=none"])
        .run()
        .await
        .success()
        .stderr_contains("No groups found");
}

fn keys(object: &serde_json::Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}
