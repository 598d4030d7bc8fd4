//! Services whose endpoints the test writes, and groups of them.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::namespace::Side;
use super::wait::eventually;

/// One endpoint with these conditions.
pub fn endpoint(address: &str, ready: bool, terminating: bool) -> Value {
    let conditions = json!({"ready": ready, "serving": ready, "terminating": terminating});
    json!({"addresses": [address], "conditions": conditions})
}

impl Side {
    /// Creates a service without a selector. The test writes its endpoints.
    pub async fn bare_service(&self, name: &str) -> Service {
        let spec = json!({"ports": [{"name": "http", "port": 80, "targetPort": 8080}]});
        self.create(json!({"metadata": {"name": name}, "spec": spec}))
            .await
    }

    /// Creates a mirror of a cluster in a flat network. No remote is asked, so its readiness is
    /// unknown.
    pub async fn unknowable_service(&self, name: &str) -> Service {
        let labels = json!({
            "mirror.linkerd.io/mirrored-service": "true",
            "mirror.linkerd.io/cluster-name": "north",
            "multicluster.linkerd.io/remote-discovery": "north",
            "multicluster.linkerd.io/remote-service": "web",
        });
        let spec = json!({"ports": [{"name": "http", "port": 80}]});
        self.create(json!({"metadata": {"name": name, "labels": labels}, "spec": spec}))
            .await
    }

    /// Gives a service one slice, with this many ready endpoints and one that is not ready.
    pub async fn ready(&self, service: &str, ready: u8) {
        let mut endpoints = vec![endpoint("10.0.0.250", false, false)];
        endpoints
            .extend((1..=ready).map(|number| endpoint(&format!("10.0.0.{number}"), true, false)));
        self.slice(service, service, "IPv4", json!(endpoints)).await;
    }

    /// Creates or replaces a slice of a service.
    pub async fn slice(&self, name: &str, service: &str, family: &str, endpoints: Value) {
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {
                "kubernetes.io/service-name": service,
                "endpointslice.kubernetes.io/managed-by": "test",
            }},
            "addressType": family,
            "endpoints": endpoints,
            "ports": [{"name": "http", "port": 8080}],
        });
        let params = PatchParams::apply("test").force();
        let slices = self.api::<EndpointSlice>();
        slices
            .patch(name, &params, &Patch::Apply(slice))
            .await
            .expect("the slice is taken");
    }

    pub async fn delete_slice(&self, name: &str) {
        let slices = self.api::<EndpointSlice>();
        slices
            .delete(name, &DeleteParams::default())
            .await
            .expect("the slice is deleted");
    }

    /// Creates services whose endpoints the test writes, and a group of them. The first service is
    /// the apex and the primary. Each backend has a weight and a number of ready endpoints.
    pub async fn group(&self, name: &str, backends: &[(&str, u32, u8)]) {
        for (service, _, ready) in backends {
            self.bare_service(service).await;
            self.ready(service, *ready).await;
        }
        let weights: Vec<(&str, u32)> = backends
            .iter()
            .map(|(service, weight, _)| (*service, *weight))
            .collect();
        self.traffic_split(name, weights[0].0, &weights).await;
    }

    /// Waits until a TrafficSplit has these weights, in order.
    pub async fn until_weights(&self, name: &str, expected: &[u64]) {
        eventually(
            &format!("the weights of {name} are {expected:?}"),
            async || {
                let weights = self.weights(name).await;
                let seen: Vec<Option<u64>> =
                    weights.iter().map(|(_, weight)| weight.as_u64()).collect();
                let holds = seen
                    .iter()
                    .copied()
                    .eq(expected.iter().map(|weight| Some(*weight)));
                if holds {
                    Ok(())
                } else {
                    Err(format!("{weights:?}"))
                }
            },
        )
        .await;
    }

    /// Sets the weights of a TrafficSplit as a person would with an editor.
    pub async fn set_weights(&self, name: &str, weights: &[(&str, u64)]) {
        let backends: Vec<Value> = weights
            .iter()
            .map(|(service, weight)| json!({"service": service, "weight": weight}))
            .collect();
        self.edit_split(name, json!({"spec": {"backends": backends}}))
            .await;
    }

    /// Merges a patch into a TrafficSplit, as `kubectl edit` does.
    pub async fn edit_split(&self, name: &str, patch: Value) {
        let params = PatchParams {
            field_manager: Some("kubectl-edit".to_owned()),
            ..PatchParams::default()
        };
        let splits = self.traffic_splits();
        splits
            .patch(name, &params, &Patch::Merge(patch))
            .await
            .expect("the edit is taken");
    }

    /// Reads a TrafficSplit.
    pub async fn split(&self, name: &str) -> Value {
        let object = self
            .traffic_splits()
            .get(name)
            .await
            .expect("the TrafficSplit can be read");
        serde_json::to_value(object).expect("an object is JSON")
    }

    /// The `last-move` annotation.
    pub async fn last_move(&self, name: &str) -> Value {
        let split = self.split(name).await;
        let note = split["metadata"]["annotations"]["failover.linkerd.io/last-move"].as_str();
        note.map(|note| serde_json::from_str(note).expect("last-move is JSON"))
            .unwrap_or_default()
    }

    /// The resource version of a TrafficSplit.
    pub async fn version(&self, name: &str) -> String {
        let split = self.split(name).await;
        split["metadata"]["resourceVersion"]
            .as_str()
            .expect("an object has a version")
            .to_owned()
    }
}
