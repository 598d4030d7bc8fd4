//! What ails the pods behind a Service whose backend has no ready endpoints.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::support::{
    Output, Side, TestNamespace, eventually, plugin, restricted_kubeconfig, rule,
};

impl Side {
    /// Creates a group whose primary has pods.
    async fn group_with_pods(&self) {
        self.service("web").await;
        self.bare_service("web-east").await;
        self.ready("web-east", 1).await;
        self.deployment("web", 2).await;
        self.until_running("web").await;
        self.traffic_split("web", "web", &[("web", 1), ("web-east", 0)])
            .await;
    }

    /// Waits until the status of the group says this.
    async fn until_status_says(&self, text: &str) -> Output {
        eventually(text, async || {
            let output = plugin().args(["status"]).on(self).run().await.success();
            if output.stdout.contains(text) {
                Ok(output)
            } else {
                Err(output.to_string())
            }
        })
        .await
    }

    async fn patch_pods(&self, status: Value) {
        let pods = self.api::<Pod>();
        for pod in pods.list(&ListParams::default()).await.unwrap() {
            let name = pod.metadata.name.unwrap();
            let patch = Patch::Strategic(json!({"status": status}));
            let params = PatchParams::default();
            pods.patch_status(&name, &params, &patch).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_deployment_that_is_scaled_to_0_is_named_with_the_command_to_look_at_it() {
    let ns = TestNamespace::new("scaled").await;
    ns.west.group_with_pods().await;
    ns.west.scale("web", 0).await;
    let said = ns.west.until_status_says("deployment web is scaled to 0");
    said.await.stdout_contains(&format!(
        "Behind web: deployment web is scaled to 0 (kubectl --context west -n {} describe deployment \
         web).",
        ns.name
    ));
    let once = plugin().args(["watch", "--once"]).on(&ns.west).run();
    once.await.success();
    let status = plugin().args(["status"]).on(&ns.west).run().await.success();
    status.stdout_contains(&format!(
        "  next: kubectl --context west -n {} describe deployment web",
        ns.name
    ));
    let json = plugin().args(["status", "-o", "json"]).on(&ns.west).run();
    let backends = &json.await.success().json()["items"][0]["backends"];
    assert_eq!(backends[0]["ailment"], "deployment web is scaled to 0");
}

#[tokio::test]
async fn pods_in_a_crash_loop_are_named() {
    let ns = TestNamespace::new("crash").await;
    ns.west.group_with_pods().await;
    let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let container = json!({"name": "app", "image": "app", "imageID": "", "restartCount": 9, "ready": false, "state": waiting});
    ns.west
        .patch_pods(json!({
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [container],
        }))
        .await;
    let output = ns
        .west
        .until_status_says("CrashLoopBackOff (pod web-")
        .await;
    output
        .stdout_contains("Behind web: 0 of 2 pods are ready")
        .stdout_contains("and 1 more)")
        .stdout_contains(" describe pod web-");
}

#[tokio::test]
async fn without_the_right_to_read_pods_the_command_has_their_labels() {
    let ns = TestNamespace::new("podless").await;
    ns.west.group_with_pods().await;
    ns.west.scale("web", 0).await;
    ns.west
        .until_status_says("deployment web is scaled to 0")
        .await;
    let read = &["get", "list"];
    let rules = [
        rule("split.smi-spec.io", &["trafficsplits"], read),
        rule("discovery.k8s.io", &["endpointslices"], read),
        rule("", &["services"], read),
        rule("coordination.k8s.io", &["leases"], read),
    ];
    plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .run()
        .await
        .success();
    let kubeconfig = restricted_kubeconfig(&ns.west, "me", &rules).await;
    let output = plugin()
        .args(["status"])
        .on(&ns.west)
        .kubeconfig(kubeconfig.path())
        .run()
        .await
        .success();
    output.stdout_contains(&format!(
        "  next: kubectl --context west -n {} get pod -l app=web",
        ns.name
    ));
}
