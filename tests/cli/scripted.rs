//! A scripted server with the objects of a cluster.

use serde_json::{Value, json};

use crate::support::{Plugin, ScriptedServer, plugin};

/// A cluster with these TrafficSplits and nothing else.
pub async fn cluster(splits: Value) -> ScriptedServer {
    ScriptedServer::start(move |_, path| {
        if path.contains("/selfsubjectreviews") {
            return (
                201,
                json!({"status": {"userInfo": {"username": "me"}}}).to_string(),
            );
        }
        if path.contains("/trafficsplits/") {
            return (
                404,
                json!({"reason": "NotFound", "message": "not found"}).to_string(),
            );
        }
        let items = if path.contains("trafficsplits") {
            splits.clone()
        } else {
            json!([])
        };
        (
            200,
            json!({"metadata": {"resourceVersion": "1"}, "items": items}).to_string(),
        )
    })
    .await
}

/// A cluster that gives every request the same answer.
pub async fn answering(code: u16, body: &Value) -> ScriptedServer {
    let body = body.to_string();
    ScriptedServer::start(move |_, _| (code, body.clone())).await
}

pub fn on(server: &ScriptedServer) -> Plugin {
    plugin().server(&server.url).namespace("ns")
}

/// A group whose traffic is on its primary, last moved by `by`.
pub fn split(name: &str, by: &str) -> Value {
    let last = json!({
        "from": format!("{name}=0,{name}-east=1"), "to": format!("{name}=1,{name}-east=0"),
        "at": "2026-01-01T00:00:00Z", "by": by, "why": "because",
    });
    json!({
        "metadata": {
            "name": name, "namespace": "ns", "resourceVersion": "1",
            "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
            "annotations": {"failover.linkerd.io/last-move": last.to_string()},
        },
        "spec": {
            "service": name,
            "backends": [{"service": name, "weight": 1}, {"service": format!("{name}-east"), "weight": 0}],
        },
    })
}
