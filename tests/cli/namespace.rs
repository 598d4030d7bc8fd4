//! An empty namespace is `default`, as for kubectl, and never all namespaces.

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::scripted::cluster;
use crate::support::plugin;

/// Commands that read or change the groups of one namespace.
const COMMANDS: [&[&str]; 8] = [
    &["status"],
    &["history"],
    &["pause", "--all", "--yes"],
    &["set", "--all", "--min-ready", "2", "--yes"],
    &["force", "web", "--to", "web-east", "--yes"],
    &["failback", "--all", "--yes"],
    &["watch", "--once"],
    &["create", "web", "--fallback", "web-east"],
];

#[tokio::test]
async fn an_empty_namespace_in_the_kubeconfig_is_default() {
    for command in COMMANDS {
        works_in("default", command, &json!(""), &[]).await;
    }
}

#[tokio::test]
async fn an_empty_namespace_on_the_command_line_is_that_of_the_context() {
    for command in COMMANDS {
        works_in("default", command, &json!(""), &["-n", ""]).await;
        works_in("default", command, &Value::Null, &["--namespace="]).await;
        works_in("team", command, &json!("team"), &["-n", ""]).await;
    }
}

/// Runs a command on a cluster without groups. Its requests for groups must name the namespace.
async fn works_in(namespace: &str, command: &[&str], in_kubeconfig: &Value, flags: &[&str]) {
    let server = cluster(json!([])).await;
    let file = kubeconfig(&server.url, in_kubeconfig);
    let plugin = plugin()
        .without_clusters()
        .args(command.to_vec())
        .args(flags.to_vec())
        .env("KUBECONFIG", file.path());
    let output = plugin.run().await;
    let requests = server.requests();
    let place = format!("/namespaces/{namespace}/");
    let is_for_groups = |request: &&String| request.contains("trafficsplits");
    assert!(
        requests.iter().any(|request| is_for_groups(&request)),
        "{requests:#?}\n{output}"
    );
    for request in &requests {
        assert!(!request.contains("//"), "{request}\n{output}");
        assert!(
            !is_for_groups(&request) || request.contains(&place),
            "{request}\n{output}"
        );
    }
}

fn kubeconfig(server: &str, namespace: &Value) -> NamedTempFile {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
    });
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.to_string()).unwrap();
    file
}

/// Such a name would change the path of a request. kubectl refuses it too.
#[tokio::test]
async fn a_namespace_that_is_part_of_a_path_is_refused() {
    for name in [".", "..", "a/../b", "a%2fb"] {
        for (in_kubeconfig, flags) in [(json!(name), vec![]), (json!("team"), vec!["-n", name])] {
            let server = cluster(json!([])).await;
            let file = kubeconfig(&server.url, &in_kubeconfig);
            let plugin = plugin().without_clusters().args(["status"]).args(flags);
            let output = plugin.env("KUBECONFIG", file.path()).run().await.code(2);
            output.stderr_contains(&format!("invalid namespace {name:?}"));
            assert!(server.requests().is_empty(), "{:?}", server.requests());
        }
    }
}
