//! An empty namespace is `default`, as for kubectl, and never all namespaces.

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::scripted::{cluster, split};
use crate::support::{ScriptedServer, plugin};

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
    }
    // A hint looks for groups elsewhere, once there are none here.
    let first = requests.iter().find(is_for_groups).unwrap();
    assert!(first.contains(&place), "{first}\n{output}");
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

/// A cluster with one group, in the namespace `shop`.
async fn with_a_group_in_shop() -> ScriptedServer {
    ScriptedServer::start(|_, path| {
        if path.ends_with("/namespaces/shpo") {
            return (404, json!({"reason": "NotFound"}).to_string());
        }
        if path.contains("/selfsubjectreviews") {
            let review = json!({"status": {"userInfo": {"username": "me"}}});
            return (201, review.to_string());
        }
        let mut group = split("web", "me");
        group["metadata"]["namespace"] = json!("shop");
        let items = match path.split('?').next().unwrap_or_default() {
            "/api/v1/namespaces" => {
                json!([{"metadata": {"name": "default"}}, {"metadata": {"name": "shop"}}])
            }
            path if path.ends_with("trafficsplits") && !path.contains("/namespaces/") => {
                json!([group])
            }
            _ => json!([]),
        };
        let list = json!({"metadata": {"resourceVersion": "1"}, "items": items});
        (200, list.to_string())
    })
    .await
}

const CHANGES_OF_ALL: [&str; 7] = [
    "force --all --yes",
    "failback --all --yes",
    "pause --all --yes",
    "resume --all --yes",
    "set --all --min-ready 2 --yes",
    "migrate --all --yes",
    "delete --all --yes",
];

#[tokio::test]
async fn an_order_that_matches_nothing_fails_and_says_where_groups_are() {
    let server = with_a_group_in_shop().await;
    let elsewhere = "there are groups in: shop (1); add -n shop";
    for line in CHANGES_OF_ALL {
        let plugin = plugin().server(&server.url).args(line.split(' '));
        let output = plugin.namespace("default").run().await.code(1);
        output
            .stderr_contains("no groups found in namespace default")
            .stderr_contains(elsewhere)
            .stderr_contains("nothing was changed");
    }
    let plugin = plugin().server(&server.url).args(["status"]);
    let status = plugin.namespace("default").run().await.success();
    status
        .stderr_contains(elsewhere)
        .stderr_contains("  of these, Unavailable: shop/web\n");
}

#[tokio::test]
async fn a_namespace_that_does_not_exist_gets_a_suggestion_and_no_create() {
    let server = with_a_group_in_shop().await;
    for line in [
        "status",
        "status web",
        "force web --yes",
        "pause --all --yes",
    ] {
        let plugin = plugin().server(&server.url).args(line.split(' '));
        let output = plugin.namespace("shpo").run().await;
        let output = output.code(i32::from(line != "status"));
        let output = output
            .stderr_contains("namespace shpo does not exist")
            .stderr_contains("did you mean -n shop?");
        assert!(!output.stderr.contains("create"), "{line}: {output}");
    }
}
