//! Events that tell of moves, for `kubectl describe`, `kubectl get events` and `history`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::client::Cluster;
use super::error::RequestResult;
use super::path::EVENTS;
use crate::resource::Record;

pub const CONTROLLER: &str = "failover.linkerd.io/kubectl-failover";
/// On an Event: the move as it is noted on the object.
pub const MOVE: &str = "failover.linkerd.io/last-move";

/// An Event on a group's object as it is after a move.
pub fn of_move(record: &Record, by: &str, at: Timestamp, why: &str, unverified: bool) -> Value {
    let reason = if unverified { "TrafficMovedUnverified" } else { "TrafficMoved" };
    let backends = record.group.as_ref().map(|group| group.backends.as_slice()).unwrap_or_default();
    let carrying = backends.iter().filter(|backend| backend.weight > 0);
    let active: Vec<&str> = carrying.map(|backend| backend.service.name.as_str()).collect();
    let carry = if active.len() == 1 { "carries" } else { "carry" };
    moved(record, by, at, reason, &format!("{} {carry} the traffic: {why}", active.join(", ")))
}

/// Messages longer than the API takes are cut.
fn moved(record: &Record, by: &str, at: Timestamp, reason: &str, note: &str) -> Value {
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
            "annotations": annotations(record, at),
        },
        "eventTime": format!("{at:.6}"),
        "reportingController": CONTROLLER,
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

/// The move, if it is this one that the object notes.
fn annotations(record: &Record, at: Timestamp) -> Value {
    const SAME: SignedDuration = SignedDuration::from_secs(2);
    let last = record.meta.last_move().filter(|last| last.at.duration_since(at).abs() <= SAME);
    match last.and_then(|last| serde_json::to_string(&last).ok()) {
        Some(last) => json!({ MOVE: last }),
        None => json!({}),
    }
}

pub async fn publish(cluster: &Cluster, namespace: &str, event: &Value) -> RequestResult<()> {
    let _: serde::de::IgnoredAny = cluster.create(&EVENTS.collection(Some(namespace)), event).await?;
    Ok(())
}

/// The start of a text that fits into so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
