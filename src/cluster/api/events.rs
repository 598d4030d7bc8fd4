//! Events that record moves, for `kubectl describe`, `kubectl get events` and `history`.
//!
//! kube's `events::Recorder` is not used: it writes no annotations, and cannot record many moves as
//! one Event.

use jiff::{SignedDuration, Timestamp};
use kube::api::PostParams;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lease;
use crate::cluster::transport::api_resource::EVENTS;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::model::LastMove;
use crate::resource::{Kind, Record};

pub const CONTROLLER: &str = "failover.linkerd.io/kubectl-failover";
/// An annotation of an Event on a group. Holds the same move as the annotation on the object.
pub const MOVE_ANNOTATION: &str = "failover.linkerd.io/last-move";
/// An annotation of an Event on a Lease. Holds a list of [`RecordedMove`].
pub const MOVES_ANNOTATION: &str = "failover.linkerd.io/moves";
/// The kind of the object that an Event about several moves regards.
pub const LEASE_KIND: &str = "Lease";
/// The reasons of Events about moves start with this.
pub const MOVE_REASON: &str = "TrafficMoved";

/// If the time of an object's annotation differs by more than this, it describes a later move.
const MAX_TIME_DIFFERENCE: SignedDuration = SignedDuration::from_secs(2);
/// A name has at most 253 bytes. The kind and the time take up to 51 of them.
const MAX_NAME_PREFIX_BYTES: usize = 200;
/// The API limits `note` and `reportingInstance` to this length.
const MAX_NOTE_BYTES: usize = 1024;
const MAX_INSTANCE_BYTES: usize = 128;
/// How many groups an Event about several moves lists by name.
const MAX_GROUPS_PER_NOTE: usize = 20;

/// A move to record as an Event.
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
    /// The move in the object's annotation.
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

/// One of several moves that one Event records.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordedMove {
    /// The name of the kind, as in [`crate::model::GroupId`].
    pub kind: String,
    pub name: String,
    #[serde(rename = "move")]
    pub last: LastMove,
}

impl MoveEvent {
    /// Describes the move that led to this state of the object.
    pub fn new(record: &Record, at: Timestamp, why: &str, unverified: bool) -> Self {
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
                MOVE_REASON
            },
            note: format!("{} {carry} the traffic: {why}", active.join(", ")),
            last: record
                .meta
                .last_move()
                .filter(|last| last.at.duration_since(at).abs() <= MAX_TIME_DIFFERENCE),
        }
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns an Event on the object.
    pub fn on_object(&self, by: &str) -> Value {
        let info = self.kind.info();
        let last = self
            .last
            .as_ref()
            .and_then(|last| serde_json::to_string(last).ok());
        let mut event = event(&self.namespace, self.at, by, self.reason, &self.note);
        event["metadata"]["name"] = self.event_name("").into();
        event["metadata"]["annotations"] =
            last.map_or_else(|| json!({}), |last| json!({ MOVE_ANNOTATION: last }));
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

    /// The kind is part of the name, since two objects of the same name may move at the same
    /// moment.
    fn event_name(&self, suffix: &str) -> String {
        let name = cut(&self.name, MAX_NAME_PREFIX_BYTES);
        format!(
            "{name}.{}{suffix}.{:x}",
            self.kind.info().name,
            self.at.as_nanosecond()
        )
    }

    fn entry(&self) -> Option<RecordedMove> {
        let kind = self.kind.info().name.to_owned();
        Some(RecordedMove {
            kind,
            name: self.name.clone(),
            last: self.last.clone()?,
        })
    }
}

/// Returns one Event for several moves in a namespace. It regards the Lease that permitted them.
pub fn on_lease(moves: &[MoveEvent], by: &str) -> Option<Value> {
    let first = moves.first()?;
    let names: Vec<&str> = moves
        .iter()
        .take(MAX_GROUPS_PER_NOTE)
        .map(|event| event.name.as_str())
        .collect();
    let others = moves.len().saturating_sub(MAX_GROUPS_PER_NOTE);
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
    let entries: Vec<RecordedMove> = moves.iter().filter_map(MoveEvent::entry).collect();
    let mut event = event(&first.namespace, first.at, by, MOVE_REASON, &note);
    event["metadata"]["name"] = first.event_name(".and-more").into();
    event["metadata"]["annotations"] =
        json!({ MOVES_ANNOTATION: serde_json::to_string(&entries).ok()? });
    event["regarding"] = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": LEASE_KIND,
        "namespace": first.namespace,
        "name": lease::NAME,
    });
    Some(event)
}

/// Fills the fields that all Events have. Truncates texts that are longer than the API allows.
fn event(namespace: &str, at: Timestamp, by: &str, reason: &str, note: &str) -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": namespace},
        "eventTime": format!("{at:.6}"),
        "reportingController": CONTROLLER,
        "reportingInstance": cut(by, MAX_INSTANCE_BYTES),
        "action": "MoveTraffic",
        "reason": reason,
        "type": "Normal",
        "note": cut(note, MAX_NOTE_BYTES),
    })
}

pub async fn publish(cluster: &Cluster, namespace: &str, event: &Value) -> RequestResult<()> {
    let params = PostParams::default();
    let created = cluster.create(EVENTS, Some(namespace), &params, event);
    created.await.map(|_: IgnoredAny| ())
}

/// Truncates a text to at most this many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
