//! Pods that are made by hand, without a node.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::support::{Side, TestNamespace, eventually};

async fn create(side: &Side, name: &str, extra: Value) {
    let mut pod = json!({
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "app", "image": "app"}]},
    });
    let spec = pod["spec"].as_object_mut().unwrap();
    spec.extend(extra.as_object().unwrap().clone());
    let pod = serde_json::from_value(pod).unwrap();
    let pods = side.api::<Pod>();
    pods.create(&PostParams::default(), &pod).await.unwrap();
}

async fn phase(side: &Side, name: &str) -> Option<String> {
    side.api::<Pod>().get(name).await.unwrap().status?.phase
}

async fn until_running(side: &Side, name: &str) {
    eventually("the pod runs", async || {
        match phase(side, name).await.as_deref() {
            Some("Running") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn a_pod_without_a_node_runs_unless_another_scheduler_is_asked_for() {
    let ns = TestNamespace::new("scheduler").await;
    let side = &ns.west;
    create(side, "foreign", json!({"schedulerName": "another"})).await;
    create(
        side,
        "gated",
        json!({"schedulingGates": [{"name": "example.com/wait"}]}),
    )
    .await;
    create(side, "web", json!({})).await;
    until_running(side, "web").await;
    for name in ["foreign", "gated"] {
        assert_eq!(
            phase(side, name).await.as_deref(),
            Some("Pending"),
            "{name}"
        );
    }
    let open = json!({"spec": {"schedulingGates": []}});
    let patch = kube::api::Patch::Merge(open);
    let pods = side.api::<Pod>();
    pods.patch("gated", &Default::default(), &patch)
        .await
        .unwrap();
    until_running(side, "gated").await;
    pods.delete("web", &DeleteParams::default()).await.unwrap();
}
