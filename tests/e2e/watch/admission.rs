//! Admission: webhooks that hang, policies that deny, and objects that are full.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
};
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Side, TestNamespace, end, eventually, plugin, watching};

const WEBHOOK_SECONDS: u64 = 7;

/// A webhook that accepts connections and never answers. The API server ignores it after a while.
async fn hanging_webhook(side: &Side) -> Arc<AtomicUsize> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            connections.push(connection);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let webhook = json!({
        "metadata": {"name": side.namespace},
        "webhooks": [{
            "name": "hang.example.org", "failurePolicy": "Ignore", "timeoutSeconds": WEBHOOK_SECONDS,
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/")},
            "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": side.namespace}},
            "rules": [{
                "operations": ["UPDATE"], "apiGroups": ["split.smi-spec.io"],
                "apiVersions": ["*"], "resources": ["trafficsplits"],
            }],
        }],
    });
    let webhook: ValidatingWebhookConfiguration = serde_json::from_value(webhook).unwrap();
    let api = side.cluster_api::<ValidatingWebhookConfiguration>();
    api.create(&PostParams::default(), &webhook).await.unwrap();
    asked
}

#[tokio::test]
async fn a_write_that_a_webhook_holds_up_succeeds() {
    let ns = TestNamespace::new("webhook").await;
    for name in ["web", "mail"] {
        let east = format!("{name}-east");
        ns.west.group(name, &[(name, 1, 1), (&east, 0, 1)]).await;
    }
    let mut watch = watching(&ns.west, &[]).await;
    let asked = hanging_webhook(&ns.west).await;
    eventually("the webhook is asked", async || {
        let note = json!({"metadata": {"annotations": {"note": "x"}}});
        ns.west.edit_split("web", note).await;
        match asked.load(Ordering::Relaxed) {
            0 => Err("nobody asks it".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    let force = async {
        let args = ["force", "mail", "--to", "mail-east", "--yes"];
        plugin().args(args).on(&ns.west).run().await.success();
    };
    let move_by_watch = async {
        ns.west.ready("web", 0).await;
        watch
            .stderr_line_containing("may hold the write up; still waiting")
            .await;
        ns.west.until_weights("web", &[0, 1]).await;
    };
    tokio::join!(force, move_by_watch);
    let rest = end(watch).await;
    assert_eq!(rest.complaints("retrying"), 0, "{rest:?}");
    let api = ns.west.cluster_api::<ValidatingWebhookConfiguration>();
    api.delete(&ns.name, &DeleteParams::default())
        .await
        .unwrap();
}

/// Denies every update of a TrafficSplit, with this reason. Waits until that holds.
async fn deny(side: &Side, reason: &str) -> String {
    let name = format!("{}-{}", side.namespace, reason.to_lowercase());
    let policy = json!({
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": side.namespace}},
                "resourceRules": [{
                    "apiGroups": ["split.smi-spec.io"], "apiVersions": ["*"],
                    "operations": ["UPDATE"], "resources": ["trafficsplits"],
                }],
            },
            "validations": [{"expression": "false", "message": "frozen until Monday", "reason": reason}],
        },
    });
    let binding = json!({
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    let policy: ValidatingAdmissionPolicy = serde_json::from_value(policy).unwrap();
    let binding: ValidatingAdmissionPolicyBinding = serde_json::from_value(binding).unwrap();
    let params = PostParams::default();
    let policies = side.cluster_api::<ValidatingAdmissionPolicy>();
    policies.create(&params, &policy).await.unwrap();
    let bindings = side.cluster_api::<ValidatingAdmissionPolicyBinding>();
    bindings.create(&params, &binding).await.unwrap();
    eventually("the policy denies", async || {
        let api = side.traffic_splits();
        let change =
            kube::api::Patch::Merge(json!({"metadata": {"annotations": {"note": reason}}}));
        match api
            .patch("web", &kube::api::PatchParams::default(), &change)
            .await
        {
            Ok(_) => Err("it does not".to_owned()),
            Err(_) => Ok(()),
        }
    })
    .await;
    name
}

#[tokio::test]
async fn a_denial_is_reported_once_in_the_servers_words() {
    let ns = TestNamespace::new("denied").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    for reason in ["Invalid", "RequestEntityTooLarge", "Forbidden"] {
        let policy = deny(&ns.west, reason).await;
        let once = plugin()
            .args(["watch", "--once", "--timeout", "15s"])
            .on(&ns.west);
        let output = once.run().await.code(1);
        let words = output.stderr.matches("frozen until Monday").count();
        assert_eq!(words, 1, "{reason}: {output}");
        let force = plugin()
            .args(["force", "web", "--to", "web-east", "--yes"])
            .on(&ns.west);
        force
            .run()
            .await
            .code(1)
            .stderr_contains("frozen until Monday");
        let bindings = ns.west.cluster_api::<ValidatingAdmissionPolicyBinding>();
        bindings
            .delete(&policy, &DeleteParams::default())
            .await
            .unwrap();
        let policies = ns.west.cluster_api::<ValidatingAdmissionPolicy>();
        policies
            .delete(&policy, &DeleteParams::default())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn traffic_moves_even_if_the_note_of_the_move_does_not_fit() {
    let ns = TestNamespace::new("full").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    // Kubernetes allows 256 KiB of annotations.
    let known = ns.west.split("web").await["metadata"]["annotations"].clone();
    let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
    let used: usize = known.as_object().unwrap().iter().map(size).sum();
    let filling = "x".repeat(256 * 1024 - used - "filling".len());
    ns.west
        .edit_split(
            "web",
            json!({"metadata": {"annotations": {"filling": filling}}}),
        )
        .await;
    let watch = watching(&ns.west, &[]).await;
    ns.west.ready("web", 0).await;
    ns.west.until_weights("web", &[0, 1]).await;
    ns.west.ready("web", 1).await;
    ns.west.until_weights("web", &[1, 0]).await;
    end(watch).await;
}
