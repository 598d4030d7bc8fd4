//! A Service is deleted while nothing deletes its EndpointSlices: the controllers are down.

use serde_json::{Value, json};

use super::scripted::{on, split};
use crate::support::ScriptedServer;

fn list(items: &Value) -> (u16, String) {
    let list = json!({"metadata": {"resourceVersion": "1"}, "items": items});
    (200, list.to_string())
}

fn slice(service: &str) -> Value {
    json!({
        "metadata": {
            "name": service, "namespace": "ns", "resourceVersion": "1",
            "labels": {"kubernetes.io/service-name": service},
            "ownerReferences": [{"kind": "Service", "name": service}],
        },
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{"addresses": ["10.0.0.1"]}],
    })
}

fn service(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "ns", "resourceVersion": "1"},
        "spec": {"ports": [{"port": 80}]},
    })
}

/// A cluster without the Service `web`, but with its EndpointSlice.
async fn cluster() -> ScriptedServer {
    ScriptedServer::start(|_, path| {
        if path.contains("trafficsplits") {
            return list(&json!([split("web", "me")]));
        }
        if path.contains("endpointslices") {
            return list(&json!([slice("web"), slice("web-east")]));
        }
        if path.contains("/services/web-east") {
            return (200, service("web-east").to_string());
        }
        if path.contains("/services/") {
            let error = json!({"reason": "NotFound", "message": "not found"});
            return (404, error.to_string());
        }
        list(&json!([]))
    })
    .await
}

#[tokio::test]
async fn a_deleted_service_is_missing_whatever_slices_are_left() {
    let server = cluster().await;
    let status = on(&server).args(["status"]).run().await;
    assert!(status.stdout.contains("web:missing"), "{}", status.stdout);
}
