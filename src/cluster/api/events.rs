//! Kubernetes Events that record the events of groups, for `kubectl describe`, `kubectl get events`
//! and `history`.
//!
//! kube's `events::Recorder` is not used: it writes no annotations, and cannot record many moves as
//! one Event.

use jiff::Timestamp;
use kube::api::PostParams;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::lease;
use crate::cluster::transport::api_resource::EVENTS;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::model::event::carrying;
use crate::model::{EventKind, Group, GroupEvent};
use crate::resource::{Kind, Record, RecordedEvent};

pub const CONTROLLER: &str = "failover.linkerd.io/kubectl-failover";
/// An annotation of an Event. Holds a list of [`RecordedEvent`].
pub const EVENTS_ANNOTATION: &str = "failover.linkerd.io/events";
/// The kind of the object that an Event about several groups regards.
pub const LEASE_KIND: &str = "Lease";

/// A name has at most 253 bytes. The kinds and the time take up to 64 of them.
const MAX_NAME_PREFIX_BYTES: usize = 185;
/// The API limits `note` and `reportingInstance` to this length.
const MAX_NOTE_BYTES: usize = 1024;
const MAX_INSTANCE_BYTES: usize = 128;
/// How many groups an Event about several groups lists by name.
const MAX_GROUPS_PER_NOTE: usize = 20;

/// An event of a group, and the object that it regards.
#[derive(Clone)]
pub struct ObjectEvent {
    kind: &'static dyn Kind,
    uid: String,
    resource_version: String,
    event: GroupEvent,
    /// A `watch` moved the traffic, and none of it is on the primary.
    fails_over: bool,
}

impl std::fmt::Debug for ObjectEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ObjectEvent({:?})", self.event)
    }
}

impl ObjectEvent {
    /// Describes an event that led to this state of the object.
    pub fn new(record: &Record, event: GroupEvent) -> Self {
        Self {
            kind: record.kind,
            uid: record.meta.uid.clone(),
            resource_version: record.meta.resource_version.clone(),
            fails_over: fails_over(record, &event),
            event,
        }
    }

    pub fn namespace(&self) -> &str {
        &self.event.group.namespace
    }

    /// Returns what one Event can record of many groups.
    pub fn reason(&self) -> &'static str {
        match self.event.kind {
            EventKind::Moved if self.event.unverified => "TrafficMovedUnverified",
            kind => kind.reason(),
        }
    }

    /// Whether the Event has the type `Warning`. No other Event tells that the primary, which a
    /// `watch` left, is not ready.
    fn is_warning(&self) -> bool {
        self.event.kind.is_warning() || self.event.unverified || self.fails_over
    }

    /// Returns an Event on the object. `by`: who reports it.
    pub fn on_object(&self, by: &str) -> Value {
        let info = self.kind.info();
        let mut event = envelope(self, by, &self.note(), std::slice::from_ref(self));
        event["metadata"]["name"] = self.event_name("").into();
        event["regarding"] = json!({
            "apiVersion": info.api_version,
            "kind": info.kind,
            "namespace": self.event.group.namespace,
            "name": self.event.group.name,
            "uid": self.uid,
            "resourceVersion": self.resource_version,
        });
        event
    }

    fn note(&self) -> String {
        let GroupEvent { to, why, .. } = &self.event;
        let Some(to) = to.as_ref().filter(|_| self.event.moves()) else {
            return why.clone();
        };
        let active = carrying(to).replace(',', ", ");
        let carry = if active.contains(',') {
            "carry"
        } else {
            "carries"
        };
        format!("{active} {carry} the traffic: {why}")
    }

    /// The kinds are part of the name, since two objects of the same name may move at the same
    /// moment.
    fn event_name(&self, suffix: &str) -> String {
        let event = &self.event;
        format!(
            "{}.{}.{}{suffix}.{:x}",
            cut(&event.group.name, MAX_NAME_PREFIX_BYTES),
            event.group.kind,
            event.kind,
            event.at.as_nanosecond()
        )
    }
}

/// Returns one Event for several groups in a namespace, for events of one kind. It regards the
/// Lease of the `watch`.
pub fn on_lease(events: &[ObjectEvent], by: &str) -> Option<Value> {
    let first = events.first()?;
    let names: Vec<&str> = events
        .iter()
        .take(MAX_GROUPS_PER_NOTE)
        .map(|event| event.event.group.name.as_str())
        .collect();
    let others = events.len().saturating_sub(MAX_GROUPS_PER_NOTE);
    let others = if others > 0 {
        format!(" and {others} more")
    } else {
        String::new()
    };
    let count = events.len();
    let what = match first.event.kind {
        EventKind::Moved => format!("traffic of {count} groups was moved"),
        kind => format!("{count} groups: {kind}"),
    };
    let note = format!("{what}: {}{others}", names.join(", "));
    let mut event = envelope(first, by, &note, events);
    event["metadata"]["name"] = first.event_name(".and-more").into();
    event["regarding"] = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": LEASE_KIND,
        "namespace": first.namespace(),
        "name": lease::NAME,
    });
    Some(event)
}

fn fails_over(record: &Record, event: &GroupEvent) -> bool {
    let is_away = |group: &Group| !group.carries(group.primary);
    event.kind == EventKind::Moved && event.moves() && record.group.as_ref().is_ok_and(is_away)
}

/// Fills the fields that all Events have. Truncates texts that are longer than the API allows.
fn envelope(first: &ObjectEvent, by: &str, note: &str, all: &[ObjectEvent]) -> Value {
    let records = all.iter().map(|event| RecordedEvent::of(&event.event));
    let records: Vec<RecordedEvent> = records.collect();
    let GroupEvent { kind, at, .. } = first.event;
    let is_warning = all.iter().any(ObjectEvent::is_warning);
    let at: Timestamp = at;
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "namespace": first.namespace(),
            "annotations": { EVENTS_ANNOTATION: serde_json::to_string(&records).unwrap_or_default() },
        },
        "eventTime": format!("{at:.6}"),
        "reportingController": CONTROLLER,
        "reportingInstance": cut(by, MAX_INSTANCE_BYTES),
        "action": if first.event.moves() { "MoveTraffic" } else { kind.reason() },
        "reason": first.reason(),
        "type": if is_warning { "Warning" } else { "Normal" },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::TrafficSplit;

    #[test]
    fn a_failover_is_a_warning_and_a_failback_and_a_force_are_not() {
        let type_of = |kind: EventKind, from: &str, to: &str, weights: [u8; 2]| {
            let object = json!({
                "metadata": {"name": "web", "namespace": "shop"},
                "spec": {"service": "web", "backends": [
                    {"service": "web", "weight": weights[0]},
                    {"service": "web-east", "weight": weights[1]},
                ]},
            });
            let raw = serde_json::value::to_raw_value(&object).unwrap();
            let record = TrafficSplit.read(&raw).unwrap();
            let event = GroupEvent {
                kind,
                group: record.id(),
                apex: Some("web".to_owned()),
                at: Timestamp::UNIX_EPOCH,
                from: Some(from.to_owned()),
                to: Some(to.to_owned()),
                by: String::new(),
                why: String::new(),
                unverified: false,
                took: None,
            };
            ObjectEvent::new(&record, event).on_object("watch")["type"].clone()
        };
        let (home, away) = ("web=1,web-east=0", "web=0,web-east=1");
        assert_eq!(type_of(EventKind::Moved, home, away, [0, 1]), "Warning");
        assert_eq!(type_of(EventKind::Moved, away, home, [1, 0]), "Normal");
        assert_eq!(type_of(EventKind::Forced, home, away, [0, 1]), "Normal");
    }
}
