//! Events that tell of moves, for `kubectl describe` and `kubectl get events`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::Cluster;
use super::error::RequestResult;
use super::path::EVENTS;
use crate::resource::Record;

/// An Event on a group's object. Messages longer than the API takes are cut.
pub fn moved(record: &Record, by: &str, at: Timestamp, reason: &str, note: &str) -> Value {
    const LONGEST_NOTE: usize = 1024;
    // Names have at most 253 characters, and the time takes up to 17.
    const LONGEST_NAME: usize = 230;
    let info = record.kind.info();
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{:x}", cut(&record.meta.name, LONGEST_NAME), at.as_nanosecond()),
            "namespace": record.meta.namespace,
        },
        "eventTime": format!("{at:.6}"),
        "reportingController": "failover.linkerd.io/kubectl-failover",
        "reportingInstance": cut(by, 128),
        "action": "MoveTraffic",
        "reason": reason,
        "type": "Normal",
        "note": cut(note, LONGEST_NOTE),
        "regarding": {
            "apiVersion": info.api_version,
            "kind": info.kind,
            "namespace": record.meta.namespace,
            "name": record.meta.name,
            "uid": record.meta.uid,
            "resourceVersion": record.meta.resource_version,
        },
    })
}

pub async fn publish(cluster: &Cluster, namespace: &str, event: &Value) -> RequestResult<()> {
    let _: serde::de::IgnoredAny = cluster.create(&EVENTS.collection(Some(namespace)), event).await?;
    Ok(())
}

/// The start of a text that fits into so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
