//! Suggested commands reach the same cluster as the same user.

use serde_json::json;

use super::scripted::{answering, cluster, on, split};
use crate::support::{ScriptedServer, plugin};

const SECRET: &str = "token";

#[tokio::test]
async fn suggestions_keep_all_flags_but_the_token() {
    let server = cluster(json!([split("web", "me")])).await;
    let flags = [
        "--as",
        "bob",
        "--as-group=ops",
        "--as-uid",
        "7",
        "--insecure-skip-tls-verify",
    ];
    let reach = format!(
        "--server {} --insecure-skip-tls-verify --as bob --as-uid 7 --as-group ops --token … -n ns",
        server.url
    );
    let run = async |args: &[&str]| on(&server).args(args.to_vec()).args(flags).run().await;
    let table = run(&["status"]).await.success();
    let table = table.stdout_contains(&format!("next: kubectl {reach} get service,deployment,pod"));
    assert!(
        !table.stdout.contains(&format!("--token {SECRET}")),
        "{table}"
    );
    let refused = run(&["failback", "web", "--yes", "--home", "web"]).await;
    assert!(
        !refused.stderr.contains(&format!("--token {SECRET}")),
        "{refused}"
    );
    let force = run(&["force", "web", "--yes"]).await.code(4);
    force.stderr_contains(&format!("kubectl {reach} describe service web-east"));
    let headers = server.headers();
    for header in [
        "impersonate-user: bob",
        "impersonate-group: ops",
        "impersonate-uid: 7",
    ] {
        assert!(
            headers.iter().any(|heard| heard == header),
            "{header}: {headers:?}"
        );
    }
}

#[tokio::test]
async fn the_suggestion_to_create_a_group_keeps_the_flags() {
    let server = cluster(json!([])).await;
    let next = format!(
        "next: kubectl failover create SERVICE --fallback SERVICE --server {}",
        server.url
    );
    on(&server)
        .args(["status"])
        .run()
        .await
        .success()
        .stderr_contains(&next)
        .stderr_contains(" -n ns");
}

#[tokio::test]
async fn a_missing_right_suggests_a_role_with_all_rights() {
    let message = "x: User \"me\" cannot list resource \"trafficsplits\" in API group \"split.smi-spec.io\" in \
                   the namespace \"ns\"";
    let server = answering(403, &json!({"reason": "Forbidden", "message": message})).await;
    let output = on(&server).args(["status"]).run().await.code(1);
    let next = format!(
        "kubectl failover check --rbac status --server {} --token … -n ns",
        server.url
    );
    output
        .stderr_contains(&next)
        .stderr_lacks(&format!("--token {SECRET}"));
}

#[tokio::test]
async fn a_suggestion_names_the_kubeconfig_as_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("my config");
    let config = "contexts: [{name: far away, context: {cluster: c}}]\ncurrent-context: far away\n\
                  clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n";
    std::fs::write(&file, config).expect("a kubeconfig");
    let plugin = plugin()
        .without_clusters()
        .args(["status", "--kubeconfig"])
        .args([&file]);
    let command = format!(
        "try: kubectl --context 'far away' --kubeconfig '{}' version",
        file.display()
    );
    plugin.run().await.code(1).stderr_contains(&command);
}

/// A cluster with a group and no Services that tells its version, its APIs and what is allowed.
async fn with_a_group_to_check() -> ScriptedServer {
    ScriptedServer::start(|_, path| {
        let group =
            |name: &str, version: &str| json!({"name": name, "versions": [{"version": version}]});
        let body = match path.split('?').next().unwrap_or_default() {
            "/version" => json!({"major": "1", "minor": "33", "gitVersion": "v1.33.0"}),
            "/apis" => json!({"groups": [
                group("discovery.k8s.io", "v1"), group("events.k8s.io", "v1"),
                group("coordination.k8s.io", "v1"), group("split.smi-spec.io", "v1alpha2"),
            ]}),
            "/apis/split.smi-spec.io" => group("split.smi-spec.io", "v1alpha2"),
            "/apis/split.smi-spec.io/v1alpha2" => json!({"resources": [{"name": "trafficsplits"}]}),
            path if path.contains("/selfsubjectaccessreviews") => {
                json!({"status": {"allowed": true}})
            }
            path if path.ends_with("/trafficsplits") => {
                json!({"metadata": {"resourceVersion": "1"}, "items": [split("web", "me")]})
            }
            _ => json!({"metadata": {"resourceVersion": "1"}, "items": []}),
        };
        (200, body.to_string())
    })
    .await
}

#[tokio::test]
async fn a_check_reports_groups_without_a_ready_backend() {
    let server = with_a_group_to_check().await;
    on(&server)
        .args(["check", "-o", "short"])
        .run()
        .await
        .code(1)
        .stdout_contains("× every group has a ready backend\n    ns/web: ")
        .stdout_contains("hint: kubectl failover status --server");
}

#[tokio::test]
async fn a_forced_group_without_its_override_is_reported() {
    let mut forced = split("web", "me");
    let last = json!({
        "from": "web=1,web-east=0", "to": "web=0,web-east=1", "at": "2026-01-01T00:00:00Z", "by": "me",
        "why": "forced to web-east: a try", "home": "web",
    });
    forced["metadata"]["annotations"] = json!({
        "failover.linkerd.io/last-move": last.to_string(), "failover.linkerd.io/primary-service": "web-east",
    });
    forced["spec"]["backends"][0]["weight"] = json!(0);
    forced["spec"]["backends"][1]["weight"] = json!(1);
    let server = cluster(json!([forced])).await;
    let status = on(&server)
        .args(["status", "-o", "json"])
        .run()
        .await
        .success()
        .json();
    let warning = "someone deleted the override while it was forced to web-east, so web-east is now its primary";
    assert_eq!(status["items"][0]["warnings"], json!([warning]));
    on(&server)
        .args(["status"])
        .run()
        .await
        .success()
        .stdout_contains(warning);
    let output = on(&server)
        .args(["failback", "web", "--home", "web", "--yes"])
        .run()
        .await
        .code(4);
    let next = format!(
        "kubectl failover set web --primary web --server {}",
        server.url
    );
    output.stderr_contains(&next).stderr_contains(" -n ns");
}

#[tokio::test]
async fn a_cluster_without_traffic_splits_suggests_another_kind() {
    let server = ScriptedServer::start(|_, path| {
        if path.contains("trafficsplits") {
            return (
                404,
                json!({"reason": "NotFound", "message": "not found"}).to_string(),
            );
        }
        (
            200,
            json!({"metadata": {"resourceVersion": "1"}, "items": []}).to_string(),
        )
    })
    .await;
    let create = "kubectl failover create SERVICE --fallback SERVICE --kind httproute --server";
    on(&server)
        .args(["status"])
        .run()
        .await
        .success()
        .stderr_contains(create);
    let output = on(&server).args(["status", "ts/web"]).run().await.code(1);
    output
        .stderr_contains("does not know TrafficSplits")
        .stderr_contains(
            "the CustomResourceDefinition trafficsplits.split.smi-spec.io is not installed",
        )
        .stderr_contains(create);
}
