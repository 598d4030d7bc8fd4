//! Events that tell of moves, for `kubectl describe`, `kubectl get events` and `history`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lease;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::cluster::transport::path::EVENTS;
use crate::model::LastMove;
use crate::resource::{Kind, Record};

pub const CONTROLLER: &str = "failover.linkerd.io/kubectl-failover";
/// On an Event: the move as it is noted on the object.
pub const MOVE: &str = "failover.linkerd.io/last-move";
/// On an Event that tells of several: a list of [`OneOfMany`].
pub const MOVES: &str = "failover.linkerd.io/moves";
/// The kind of what such Events are about: the Lease under which the moves were made.
pub const LEASE_KIND: &str = "Lease";
/// The reasons of Events that tell of moves start with this.
pub const MOVED: &str = "TrafficMoved";

/// A move that is to be told by an Event.
#[derive(Clone)]
pub struct MoveEvent {
    kind: &'static dyn Kind,
    namespace: String,
    name: String,
    uid: String,
    resource_version: String,
    at: Timestamp,
    reason: &'static str,
    note: String,
    /// As the object notes it.
    last: Option<LastMove>,
}

impl std::fmt::Debug for MoveEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            namespace,
            name,
            note,
            ..
        } = self;
        write!(f, "MoveEvent({namespace}/{name}: {note})")
    }
}

/// A move among several that one Event tells of.
#[derive(Debug, Serialize, Deserialize)]
pub struct OneOfMany {
    /// Name of the kind, as in [`crate::model::GroupId`].
    pub kind: String,
    pub name: String,
    #[serde(rename = "move")]
    pub last: LastMove,
}

impl MoveEvent {
    /// Of an object as it is after the move.
    pub fn new(record: &Record, at: Timestamp, why: &str, unverified: bool) -> Self {
        // The object's note may be of a later move.
        const SAME: SignedDuration = SignedDuration::from_secs(2);
        let backends = record
            .group
            .as_ref()
            .map(|group| group.backends.as_slice())
            .unwrap_or_default();
        let carrying = backends.iter().filter(|backend| backend.weight > 0);
        let active: Vec<&str> = carrying.map(|backend| backend.name.as_str()).collect();
        let carry = if active.len() == 1 {
            "carries"
        } else {
            "carry"
        };
        Self {
            kind: record.kind,
            namespace: record.meta.namespace.clone(),
            name: record.meta.name.clone(),
            uid: record.meta.uid.clone(),
            resource_version: record.meta.resource_version.clone(),
            at,
            reason: if unverified {
                "TrafficMovedUnverified"
            } else {
                MOVED
            },
            note: format!("{} {carry} the traffic: {why}", active.join(", ")),
            last: record
                .meta
                .last_move()
                .filter(|last| last.at.duration_since(at).abs() <= SAME),
        }
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// An Event on the object.
    pub fn on_object(&self, by: &str) -> Value {
        let info = self.kind.info();
        let last = self
            .last
            .as_ref()
            .and_then(|last| serde_json::to_string(last).ok());
        let mut event = event(&self.namespace, self.at, by, self.reason, &self.note);
        event["metadata"]["name"] = self.event_name("").into();
        event["metadata"]["annotations"] =
            last.map_or_else(|| json!({}), |last| json!({ MOVE: last }));
        event["regarding"] = json!({
            "apiVersion": info.api_version,
            "kind": info.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "resourceVersion": self.resource_version,
        });
        event
    }

    /// Objects of one name, of two kinds, may be moved at the same moment.
    fn event_name(&self, suffix: &str) -> String {
        // Names have at most 253 characters; the kind and the time take up to 51.
        const LONGEST: usize = 200;
        let name = cut(&self.name, LONGEST);
        format!(
            "{name}.{}{suffix}.{:x}",
            self.kind.info().name,
            self.at.as_nanosecond()
        )
    }

    fn entry(&self) -> Option<OneOfMany> {
        let kind = self.kind.info().name.to_owned();
        Some(OneOfMany {
            kind,
            name: self.name.clone(),
            last: self.last.clone()?,
        })
    }
}

/// One Event that tells of several moves in a namespace, on the Lease under which they were made.
pub fn on_lease(moves: &[MoveEvent], by: &str) -> Option<Value> {
    const NAMED: usize = 20;
    let first = moves.first()?;
    let names: Vec<&str> = moves
        .iter()
        .take(NAMED)
        .map(|told| told.name.as_str())
        .collect();
    let others = moves.len().saturating_sub(NAMED);
    let others = if others > 0 {
        format!(" and {others} more")
    } else {
        String::new()
    };
    let note = format!(
        "traffic of {} groups was moved: {}{others}",
        moves.len(),
        names.join(", ")
    );
    let entries: Vec<OneOfMany> = moves.iter().filter_map(MoveEvent::entry).collect();
    let mut event = event(&first.namespace, first.at, by, MOVED, &note);
    event["metadata"]["name"] = first.event_name(".and-more").into();
    event["metadata"]["annotations"] = json!({ MOVES: serde_json::to_string(&entries).ok()? });
    event["regarding"] = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": LEASE_KIND,
        "namespace": first.namespace,
        "name": lease::NAME,
    });
    Some(event)
}

/// Messages longer than the API takes are cut.
fn event(namespace: &str, at: Timestamp, by: &str, reason: &str, note: &str) -> Value {
    const LONGEST_NOTE: usize = 1024;
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": namespace},
        "eventTime": format!("{at:.6}"),
        "reportingController": CONTROLLER,
        "reportingInstance": cut(by, 128),
        "action": "MoveTraffic",
        "reason": reason,
        "type": "Normal",
        "note": cut(note, LONGEST_NOTE),
    })
}

pub async fn publish(cluster: &Cluster, namespace: &str, event: &Value) -> RequestResult<()> {
    let _: serde::de::IgnoredAny = cluster
        .create(&EVENTS.collection(Some(namespace)), event)
        .await?;
    Ok(())
}

/// The start of a text that fits into so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
