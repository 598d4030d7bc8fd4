//! Creates and reads the objects of a test's namespace.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::namespace::Side;
use super::wait::eventually;

pub fn traffic_split_resource(version: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(
        "split.smi-spec.io",
        version,
        "TrafficSplit",
    ))
}

/// The label value that joins a service to its deployment: `web-svc` and `web` belong together.
fn app(name: &str) -> &str {
    name.strip_suffix("-svc").unwrap_or(name)
}

impl Side {
    /// The holder of the namespace's Lease. Empty after a release.
    pub async fn lease_holder(&self) -> String {
        let lease = self
            .api::<Lease>()
            .get("kubectl-failover")
            .await
            .expect("there is a Lease");
        lease
            .spec
            .and_then(|spec| spec.holder_identity)
            .expect("the Lease says who holds it")
    }

    /// Creates a service with the port http 80. `web-svc` selects the pods of the deployment `web`.
    pub async fn service(&self, name: &str) -> Service {
        self.create(json!({
            "metadata": {"name": name},
            "spec": {
                "selector": {"app": app(name)},
                "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
            },
        }))
        .await
    }

    pub async fn deployment(&self, name: &str, replicas: i32) -> Deployment {
        let labels = json!({"app": app(name)});
        self.create(json!({
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"nodeName": "node-0", "containers": [{"name": "app", "image": "app"}]},
                },
            },
        }))
        .await
    }

    /// Waits until a deployment has a ready pod.
    pub async fn until_running(&self, deployment: &str) {
        let deployments = self.api::<Deployment>();
        eventually("a pod of the deployment is ready", async || {
            let status = deployments.get(deployment).await.unwrap().status;
            let ready = status.and_then(|status| status.ready_replicas);
            if ready.is_some_and(|ready| ready > 0) {
                Ok(())
            } else {
                Err(format!("{ready:?}"))
            }
        })
        .await;
    }

    pub async fn scale(&self, deployment: &str, replicas: i32) {
        patch_json(
            &self.api::<Deployment>(),
            deployment,
            json!({"spec": {"replicas": replicas}}),
        )
        .await;
    }

    /// Exports a service, so that the other clusters mirror it, or ends the export.
    pub async fn export(&self, service: &str, exported: bool) {
        self.label(
            service,
            "mirror.linkerd.io/exported",
            exported.then_some("true"),
        )
        .await;
    }

    /// Sets a label of a service, or removes it.
    pub async fn label(&self, service: &str, key: &str, value: Option<&str>) {
        let patch = json!({"metadata": {"labels": {key: value}}});
        patch_json(&self.api::<Service>(), service, patch).await;
    }

    /// Creates a TrafficSplit with these backends and weights, with the labels and annotations that
    /// `create` writes.
    pub async fn traffic_split(
        &self,
        name: &str,
        apex: &str,
        backends: &[(&str, u32)],
    ) -> DynamicObject {
        let backends: Vec<_> = backends
            .iter()
            .map(|(service, weight)| json!({"service": service, "weight": weight}))
            .collect();
        let object = json!({
            "apiVersion": "split.smi-spec.io/v1alpha2",
            "kind": "TrafficSplit",
            "metadata": {
                "name": name,
                "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
                "annotations": {"failover.linkerd.io/primary-service": apex},
            },
            "spec": {"service": apex, "backends": backends},
        });
        let object = serde_json::from_value(object).expect("the TrafficSplit is well-formed");
        self.traffic_splits()
            .create(&PostParams::default(), &object)
            .await
            .expect("the TrafficSplit is created")
    }

    /// The backends of a TrafficSplit with their weights as written, in order.
    pub async fn weights(&self, name: &str) -> Vec<(String, Value)> {
        let object = self
            .traffic_splits()
            .get(name)
            .await
            .expect("the TrafficSplit can be read");
        let backends = object.data["spec"]["backends"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let pair = |backend: Value| {
            (
                backend["service"].as_str().unwrap_or_default().into(),
                backend["weight"].clone(),
            )
        };
        backends.into_iter().map(pair).collect()
    }
}

/// Applies a merge patch.
pub async fn patch_json<K>(api: &Api<K>, name: &str, patch: Value) -> K
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .expect("the patch is taken")
}

/// Accepts a route in place of Linkerd's policy controller.
pub async fn accept_http_route(side: &Side, name: &str) {
    accept_route(side, "HTTPRoute", name).await;
}

/// Accepts a route of one of the Gateway API's kinds.
pub async fn accept_route(side: &Side, kind: &str, name: &str) {
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", kind);
    let kind = ApiResource::from_gvk(&kind);
    let routes: Api<DynamicObject> =
        Api::namespaced_with(side.client.clone(), &side.namespace, &kind);
    let found = routes.get(name).await.expect("the route exists");
    let status = json!({"status": {"parents": [{
        "parentRef": found.data["spec"]["parentRefs"][0],
        "controllerName": "linkerd.io/policy-controller",
        "conditions": [{
            "type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }]}});
    routes
        .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await
        .expect("the status is taken");
}
