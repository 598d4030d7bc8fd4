//! Admission: webhooks that hang, and policies that deny.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::namespace::Side;
use super::wait::eventually;

/// The objects that admission is about, in one namespace. A Lease is written from time to time.
#[derive(Debug, Clone, Copy)]
pub enum Admitted {
    TrafficSplits,
    Leases,
    All,
}

impl Admitted {
    fn rule(self) -> Value {
        let (groups, resources): (&[&str], &[&str]) = match self {
            Self::TrafficSplits => (&["split.smi-spec.io"], &["trafficsplits"]),
            Self::Leases => (&["coordination.k8s.io"], &["leases"]),
            Self::All => (
                &["split.smi-spec.io", "coordination.k8s.io"],
                &["trafficsplits", "leases"],
            ),
        };
        json!({
            "operations": ["CREATE", "UPDATE"], "apiGroups": groups,
            "apiVersions": ["*"], "resources": resources,
        })
    }

    /// Writes an object, without effect on what is tested.
    async fn write(self, side: &Side) -> kube::Result<()> {
        if let Self::TrafficSplits = self {
            let change = Patch::Merge(json!({"metadata": {"annotations": {"note": "x"}}}));
            let params = PatchParams {
                dry_run: true,
                ..PatchParams::default()
            };
            let splits = side.traffic_splits();
            return splits.patch("web", &params, &change).await.map(|_| ());
        }
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let lease = json!({"metadata": {"name": "probe"}});
        let lease: Lease = serde_json::from_value(lease).expect("it is a Lease");
        side.api().create(&params, &lease).await.map(|_| ())
    }
}

fn namespace_selector(side: &Side) -> Value {
    json!({"matchLabels": {"kubernetes.io/metadata.name": side.namespace}})
}

/// A webhook that accepts connections and never answers. The API server ignores it after this many
/// seconds. Waits until it is asked.
pub async fn hanging_webhook(side: &Side, admitted: Admitted, seconds: u64) {
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
            "name": "hang.example.org", "failurePolicy": "Ignore", "timeoutSeconds": seconds,
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/")},
            "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "namespaceSelector": namespace_selector(side), "rules": [admitted.rule()],
        }],
    });
    let webhook: ValidatingWebhookConfiguration = serde_json::from_value(webhook).unwrap();
    let api = side.cluster_api::<ValidatingWebhookConfiguration>();
    api.create(&PostParams::default(), &webhook).await.unwrap();
    eventually("the webhook is asked", async || {
        admitted
            .write(side)
            .await
            .map_err(|error| error.to_string())?;
        match asked.load(Ordering::Relaxed) {
            0 => Err("nobody asks it".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
}

pub async fn remove_webhook(side: &Side) {
    let api = side.cluster_api::<ValidatingWebhookConfiguration>();
    api.delete(&side.namespace, &DeleteParams::default())
        .await
        .unwrap();
}

/// A policy that denies writes with "frozen until Monday".
pub struct DenyingPolicy {
    side: Side,
    name: String,
}

impl DenyingPolicy {
    /// Denies with this reason. Waits until that holds.
    pub async fn install(side: &Side, admitted: Admitted, reason: &str) -> Self {
        let name = format!("{}-{}", side.namespace, reason.to_lowercase());
        let policy = json!({
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {
                    "namespaceSelector": namespace_selector(side),
                    "resourceRules": [admitted.rule()],
                },
                "validations": [
                    {"expression": "false", "message": "frozen until Monday", "reason": reason},
                ],
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
            match admitted.write(side).await {
                Ok(()) => Err("it does not".to_owned()),
                Err(_) => Ok(()),
            }
        })
        .await;
        let side = side.clone();
        Self { side, name }
    }

    pub async fn remove(self) {
        let params = DeleteParams::default();
        let bindings = self.side.cluster_api::<ValidatingAdmissionPolicyBinding>();
        bindings.delete(&self.name, &params).await.unwrap();
        let policies = self.side.cluster_api::<ValidatingAdmissionPolicy>();
        policies.delete(&self.name, &params).await.unwrap();
    }
}
