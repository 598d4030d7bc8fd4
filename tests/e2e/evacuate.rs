//! `evacuate` and `return`.

mod killed;
mod no_way;
mod stops;
mod story;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::support::{Plugin, Side, plugin};

/// Creates the mirror of a service of a cluster that no other test has. The test writes its
/// endpoints, which are the cluster's gateway.
async fn mirror(side: &Side, name: &str, cluster: &str) {
    let labels = json!({
        "mirror.linkerd.io/mirrored-service": "true",
        "mirror.linkerd.io/cluster-name": cluster,
    });
    let origin = format!("web.{}.svc.cluster.local", side.namespace);
    let annotations = json!({"mirror.linkerd.io/remote-svc-fq-name": origin});
    let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
    let spec = json!({"ports": [{"name": "http", "port": 80, "targetPort": 8080}]});
    side.create::<Service>(json!({"metadata": metadata, "spec": spec}))
        .await;
    side.ready(name, 1).await;
}

/// Creates a group whose primary is in the cluster and carries its traffic. The local fallback has
/// this many ready endpoints.
async fn away_group(side: &Side, name: &str, cluster: &str, local_ready: u8) {
    let there = format!("{name}-north");
    mirror(side, &there, cluster).await;
    side.bare_service(name).await;
    side.ready(name, local_ready).await;
    side.traffic_split(name, name, &[(&there, 1), (name, 0)])
        .await;
    let primary = json!({"failover.linkerd.io/primary-service": there});
    side.edit_split(name, json!({"metadata": {"annotations": primary}}))
        .await;
}

/// Creates a group whose fallback is in the cluster and carries nothing.
async fn home_group(side: &Side, name: &str, cluster: &str) {
    let there = format!("{name}-north");
    mirror(side, &there, cluster).await;
    side.bare_service(name).await;
    side.ready(name, 1).await;
    side.traffic_split(name, name, &[(name, 1), (&there, 0)])
        .await;
}

/// A command as an operator types it, with --yes, in one namespace.
fn order(side: &Side, command: &str) -> Plugin {
    plugin().args(command.split(' ')).args(["--yes"]).on(side)
}

/// The entries of the annotation `avoid`.
async fn entries(side: &Side, name: &str) -> Vec<Value> {
    let split = side.split(name).await;
    let text = split["metadata"]["annotations"]["failover.linkerd.io/avoid"].as_str();
    text.map(|text| serde_json::from_str(text).unwrap())
        .unwrap_or_default()
}

async fn weights(side: &Side, name: &str) -> Vec<u64> {
    let weights = side.weights(name).await;
    weights
        .iter()
        .map(|(_, weight)| weight.as_u64().unwrap())
        .collect()
}
