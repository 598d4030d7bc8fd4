//! The messages for failures on the way to a cluster.

use serde_json::json;

use super::scripted::{answering, cluster, on, split};
use crate::support::{BINARY, Output, ScriptedServer, harmless, plugin};

const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\n\u{202e}";

const COMMANDS: [&[&str]; 3] = [
    &["status"],
    &["watch", "--once"],
    &["create", "web", "--fallback", "web-east"],
];

#[tokio::test]
async fn without_any_kubeconfig() {
    for command in COMMANDS {
        let plugin = plugin()
            .without_clusters()
            .without_kubeconfig()
            .args(command.to_vec());
        let output = plugin.run().await.code(1).stdout_is_empty();
        output
            .stderr_contains("there is no kubeconfig")
            .stderr_contains("kubectl failover sandbox up");
    }
}

#[tokio::test]
async fn a_change_without_a_group_needs_no_kubeconfig() {
    for command in ["force", "failback", "pause", "resume"] {
        let plugin = plugin()
            .without_clusters()
            .without_kubeconfig()
            .args([command]);
        let output = plugin.run().await.code(2).stdout_is_empty();
        output
            .stderr_contains("specify a group, -l LABELS or --all")
            .stderr_contains(&format!("kubectl failover {command} NAME\n"));
    }
}

#[tokio::test]
async fn a_misspelled_context() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let contexts = "contexts: [{name: production-west, context: {cluster: c}}, {name: staging, context: {cluster: c}}]\n";
    std::fs::write(file.path(), contexts).expect("a kubeconfig");
    let status = async |context: &str| {
        let plugin =
            plugin()
                .without_clusters()
                .args(["status", "--context", context, "--kubeconfig"]);
        plugin
            .args([file.path()])
            .run()
            .await
            .code(1)
            .stdout_is_empty()
    };
    let output = status("production-wset")
        .await
        .stderr_contains("there is no context \"production-wset\"");
    output
        .stderr_contains("did you mean production-west?")
        .stderr_contains("available contexts: production-west, staging");
    status("elsewhere").await.stderr_lacks("did you mean");
}

#[tokio::test]
async fn a_cluster_without_any_kind_of_group() {
    let server = ScriptedServer::start(|_, _| (404, "404 page not found\n".to_owned())).await;
    for command in &COMMANDS[..2] {
        let output = on(&server)
            .args(command.to_vec())
            .run()
            .await
            .code(1)
            .stdout_is_empty();
        output
            .stderr_contains("has none of the CRDs this plugin needs")
            .stderr_contains(
                "install the CustomResourceDefinition trafficsplits.split.smi-spec.io",
            );
    }
}

#[tokio::test]
async fn a_misspelled_name() {
    let server = cluster(json!([
        split("web-svc-failover", "me"),
        split("mail", "me")
    ]))
    .await;
    let status = async |name: &str| {
        on(&server)
            .args(["status", name])
            .run()
            .await
            .code(1)
            .stdout_is_empty()
    };
    for slip in ["web-svc-failovr", "ts/web-svc-failover2", "web-svc"] {
        status(slip)
            .await
            .stderr_contains("did you mean web-svc-failover?");
    }
    let output = status("emoji").await.stderr_lacks("did you mean");
    output.stderr_contains("available groups: web-svc-failover, mail");
    on(&server)
        .args(["status", "trafficspilt/mail"])
        .run()
        .await
        .code(2)
        .stderr_contains("did you mean trafficsplit?");
}

#[tokio::test]
async fn a_refusal_by_admission_policy_is_not_reported_as_a_missing_right() {
    let message = "admission webhook \"guard\" denied the request: not today";
    let server = answering(403, &json!({"reason": "Forbidden", "message": message})).await;
    let output = on(&server)
        .args(["status"])
        .run()
        .await
        .code(1)
        .stderr_contains(message);
    output
        .stderr_contains("not an RBAC error")
        .stderr_lacks("auth can-i");
}

#[tokio::test]
async fn errors_from_a_server_cannot_control_the_terminal() {
    let long = format!("{EVIL}{}", "long ".repeat(2000));
    let forbidden = format!(
        "x: User \"{EVIL}\" cannot li{EVIL}st resource \"x\" in API group \"{EVIL}\" at the cluster scope"
    );
    for code in [400, 401, 403, 404, 409, 422] {
        for message in [&long, &forbidden] {
            let server = answering(code, &json!({"reason": EVIL, "message": message})).await;
            for command in COMMANDS {
                let output = harmless(
                    on(&server)
                        .args(["-v"])
                        .args(command.to_vec())
                        .run()
                        .await
                        .code(1),
                );
                assert!(output.stderr.len() < 8000, "{output}");
            }
        }
    }
}

#[tokio::test]
async fn names_that_no_api_server_accepts_are_escaped() {
    let mut group = split("web", EVIL);
    group["metadata"]["name"] = json!(format!("web{EVIL}"));
    group["metadata"]["namespace"] = json!(format!("ns{EVIL}"));
    let server = cluster(json!([group])).await;
    let status = async |format: &str| -> Output {
        harmless(
            on(&server)
                .args(["status", "-o", format])
                .run()
                .await
                .success(),
        )
    };
    for format in ["table", "wide", "yaml", "name"] {
        status(format).await;
    }
    assert_eq!(
        status("json").await.json()["items"][0]["name"],
        format!("web{EVIL}")
    );
    harmless(on(&server).args(["status", "other"]).run().await.code(1));
}

/// The soft limit is raised to the hard limit, which is lowered here for good. How many descriptors
/// are open before the connection depends on the machine.
#[tokio::test]
async fn too_few_file_descriptors_are_named() {
    let run = async |limit: String| {
        let script = format!("{limit}; exec \"$0\" status --server http://127.0.0.1:1");
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", &script, BINARY]);
        command
            .env_remove("KUBECONFIG")
            .env("HOME", env!("CARGO_TARGET_TMPDIR"));
        let output = command.output().await.unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let mut said = Vec::new();
    for limit in 5..15 {
        said.push(run(format!("ulimit -n {limit}")).await);
        let soft = run(format!("ulimit -Sn {limit}")).await;
        assert!(soft.contains("cannot be reached"), "{soft}");
    }
    let named = said
        .iter()
        .find(|said| said.contains("file descriptors are in use (ulimit -n)"));
    let named = named.unwrap_or_else(|| panic!("{said:#?}"));
    assert!(named.contains("\n  raise the limit: ulimit -n"), "{named}");
    assert!(!named.contains("VPN"), "{named}");
}
