//! Settings that stay: the file, the variables and `config view`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::scripted::cluster;
use crate::support::{Plugin, plugin};

/// A folder for settings with this file.
fn folder(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let settings = folder.path().join("kubectl-failover");
    fs::create_dir(&settings).unwrap();
    fs::write(settings.join("config.yaml"), text).unwrap();
    folder
}

fn with(folder: &Path, line: &str) -> Plugin {
    let plugin = plugin().without_clusters().args(line.split(' '));
    plugin.env("XDG_CONFIG_HOME", folder)
}

async fn view(plugin: Plugin) -> Vec<(String, String, String)> {
    let document = plugin.run().await.success().json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let settings = document["settings"].as_array().unwrap().iter();
    settings
        .map(|it| (text(&it["name"]), text(&it["value"]), text(&it["from"])))
        .collect()
}

fn row(name: &str, value: &str, from: &str) -> (String, String, String) {
    (name.to_owned(), value.to_owned(), from.to_owned())
}

#[tokio::test]
async fn a_flag_is_above_a_variable_above_the_file_above_the_default() {
    let empty = TempDir::new().unwrap();
    let file = folder("contexts: [a, b]\ncolor: always\nremotes:\n  west: {east: e}\n");
    let line = "config view -o json";
    let color = async |plugin| view(plugin).await[0].clone();
    let default = color(with(empty.path(), line)).await;
    assert_eq!(default, row("color", "auto", "default"));
    let shown = view(with(file.path(), line)).await;
    assert_eq!(shown[0], row("color", "always", "file, line 2"));
    assert_eq!(shown[1], row("contexts", "a,b", "file, line 1"));
    assert_eq!(shown[2], row("remotes.west.east", "e", "file, line 3"));
    let of_variable = with(file.path(), line).env("FAILOVER_COLOR", "never");
    let shown = color(of_variable).await;
    assert_eq!(shown, row("color", "never", "variable FAILOVER_COLOR"));
    let of_flag = with(file.path(), &format!("{line} --color auto"));
    let shown = color(of_flag.env("FAILOVER_COLOR", "never")).await;
    assert_eq!(shown, row("color", "auto", "flag --color"));
}

#[tokio::test]
async fn a_mistake_is_named_and_keeps_only_commands_that_read_settings_from_running() {
    let file = folder("color: auto\ncolours: never\n");
    let output = with(file.path(), "config view").run().await.code(1);
    output
        .stderr_contains("kubectl-failover/config.yaml, line 2: unknown key \"colours\"")
        .stderr_contains("did you mean color?");
    with(file.path(), "status").run().await.code(1);
    with(file.path(), "explain").run().await.success();
    let empty = TempDir::new().unwrap();
    let output = with(empty.path(), "status").env("FAILOVER_REMOTES", "east");
    output
        .run()
        .await
        .code(2)
        .stderr_contains("the variable FAILOVER_REMOTES: expected clusters");
    // Settings that name a context that does not exist.
    let named = folder("contexts: [nowhere]\n");
    let output = with(named.path(), "status").run().await.code(1);
    output.stderr_contains("the context comes from your settings (file, line 1)");
    // A folder in place of the file.
    let unreadable = TempDir::new().unwrap();
    fs::create_dir_all(unreadable.path().join("kubectl-failover/config.yaml")).unwrap();
    let output = with(unreadable.path(), "status").run().await.code(1);
    output.stderr_contains("config.yaml is not a file");
}

#[tokio::test]
async fn a_namespace_and_contexts_are_used_unless_a_flag_says_otherwise() {
    let server = cluster(json!([])).await;
    let context = |name: &str| json!({"name": name, "context": {"cluster": "c", "user": "u", "namespace": "team"}});
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "west",
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {"token": "token"}}],
        "contexts": [context("west"), context("east")],
    });
    let file = folder("namespaces: {west: shop}\ncontexts: [west, east]\n");
    let kubeconfig = file.path().join("kubeconfig");
    fs::write(&kubeconfig, config.to_string()).unwrap();
    let run = async |line: &str| {
        let plugin = with(file.path(), line).env("KUBECONFIG", &kubeconfig);
        plugin.run().await.success()
    };
    run("status --context west")
        .await
        .stderr_contains("No groups found in namespace shop");
    run("status --context east")
        .await
        .stderr_contains("No groups found in namespace team");
    run("status --context west -n pay")
        .await
        .stderr_contains("No groups found in namespace pay");
    let both = run("status -o json").await.json();
    assert_eq!(both["clusters"][1]["context"], "east");
}
