//! Readiness that is read from the clusters that mirrors stand for.

mod links;
mod lost;
mod ready;
mod real;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::support::{Side, TestNamespace};

/// East under a name that the sandbox's own mirrors do not have. Those remove services that have
/// their name and are not exported.
const REMOTE: [&str; 2] = ["--remote", "far=east"];
const FAR: &str = "far";

/// A mirror of a cluster in a flat network. Its pods are there, and the mirror has no endpoints.
async fn flat_mirror(side: &Side, cluster: &str, name: &str, origin: &str) {
    let labels = json!({
        "mirror.linkerd.io/cluster-name": cluster,
        "multicluster.linkerd.io/remote-discovery": cluster,
        "multicluster.linkerd.io/remote-service": origin,
    });
    mirror(side, name, labels, json!({})).await;
}

/// A mirror. Its endpoints, if any, are written by the test.
async fn mirror(side: &Side, name: &str, mut labels: Value, annotations: Value) {
    labels["mirror.linkerd.io/mirrored-service"] = json!("true");
    let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
    side.create::<Service>(
        json!({"metadata": metadata, "spec": {"ports": [{"name": "http", "port": 80}]}}),
    )
    .await;
}

/// Creates a group in west of web and of web-east, which mirrors web of east in a flat network. web
/// has a ready endpoint on both sides, and web in west has the traffic.
async fn flat_group(purpose: &str) -> TestNamespace {
    let ns = TestNamespace::new(purpose).await;
    fill(&ns, FAR).await;
    ns
}

/// The same with a name of the cluster that no other test uses.
async fn linked_group(purpose: &str) -> TestNamespace {
    let ns = TestNamespace::new(purpose).await;
    fill(&ns, &ns.name).await;
    ns
}

async fn fill(ns: &TestNamespace, cluster: &str) {
    for side in [&ns.east, &ns.west] {
        side.bare_service("web").await;
        side.ready("web", 1).await;
    }
    flat_mirror(&ns.west, cluster, "web-east", "web").await;
    ns.west
        .traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
        .await;
}
