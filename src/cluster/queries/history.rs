//! The events of groups that Kubernetes Events record.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;

use crate::cluster::api::events::{CONTROLLER, EVENTS_ANNOTATION, LEASE_KIND};
use crate::cluster::api::lease;
use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::EVENTS;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::model::history::{EventSource, HistoryRow};
use crate::model::{EventKind, GroupEvent, GroupId};
use crate::resource::{KINDS, KindInfo, RecordedEvent};

/// The reason of the Events of Linkerd's own failover controller.
const UPSTREAM_REASON: &str = "Failover";

/// The events of groups that Kubernetes Events record.
#[derive(Debug, Default)]
pub struct EventHistory {
    pub rows: Vec<HistoryRow>,
    /// The time of the oldest Event on these objects, even if it records nothing of a group.
    pub oldest: Option<Timestamp>,
}

/// Reads the Events on objects that can define groups, and those about several groups.
///
/// # Errors
/// If a list fails.
pub async fn read(cluster: &Cluster, namespace: Option<&str>) -> RequestResult<EventHistory> {
    let kinds: BTreeSet<&str> = KINDS.iter().map(|kind| kind.info().kind).collect();
    let on_groups = kinds
        .into_iter()
        .map(|kind| format!("regarding.kind={kind}"));
    let on_leases = format!("regarding.kind={LEASE_KIND},regarding.name={}", lease::NAME);
    let lists = on_groups.chain([on_leases]).map(|fields| async move {
        let events = Collection::<HistoryEvent>::all(EVENTS, namespace).with_fields(fields);
        list_objects(cluster, &events).await
    });
    let mut history = EventHistory::default();
    for event in try_join_all(lists).await?.into_iter().flatten() {
        if let Some(at) = event.at() {
            history.oldest = history.oldest.into_iter().chain([at]).min();
            history.rows.extend(event.rows(at));
        }
    }
    Ok(history)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HistoryEvent {
    metadata: EventMeta,
    event_time: Option<Timestamp>,
    deprecated_last_timestamp: Option<Timestamp>,
    series: Option<EventSeries>,
    reporting_controller: Option<String>,
    reason: Option<String>,
    note: Option<String>,
    regarding: Regarding,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EventMeta {
    creation_timestamp: Option<Timestamp>,
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EventSeries {
    last_observed_time: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Regarding {
    kind: String,
    api_version: String,
    namespace: String,
    name: String,
}

impl HistoryEvent {
    fn at(&self) -> Option<Timestamp> {
        let last = self
            .series
            .as_ref()
            .and_then(|series| series.last_observed_time);
        last.or(self.event_time)
            .or(self.deprecated_last_timestamp)
            .or(self.metadata.creation_timestamp)
    }

    /// Returns the events of groups that it records.
    fn rows(self, at: Timestamp) -> Vec<HistoryRow> {
        if self.reporting_controller.as_deref() == Some(CONTROLLER) {
            self.own()
        } else {
            self.upstreams(at).into_iter().collect()
        }
    }

    /// Only an Event in the group's own namespace can tell of the group.
    fn own(&self) -> Vec<HistoryRow> {
        let annotations = self.metadata.annotations.as_ref();
        let recorded = annotations
            .and_then(|all| all.get(EVENTS_ANNOTATION))
            .and_then(|recorded| serde_json::from_str(recorded).ok());
        let recorded: Vec<RecordedEvent> = recorded.unwrap_or_default();
        let here = recorded
            .into_iter()
            .filter(|event| event.namespace == self.regarding.namespace);
        here.filter_map(RecordedEvent::event)
            .map(|event| HistoryRow::new(event, EventSource::Event))
            .collect()
    }

    /// Returns the move that an Event of Linkerd's own failover controller records, if any.
    fn upstreams(self, at: Timestamp) -> Option<HistoryRow> {
        if self.reason.as_deref() != Some(UPSTREAM_REASON) {
            return None;
        }
        let group = self
            .regarding
            .api_version
            .split('/')
            .next()
            .unwrap_or_default();
        let is_kind = |info: &&KindInfo| info.kind == self.regarding.kind && info.group() == group;
        let kind = KINDS.iter().map(|kind| kind.info()).find(is_kind)?;
        let event = GroupEvent {
            kind: EventKind::Moved,
            group: GroupId {
                namespace: self.regarding.namespace,
                kind: kind.name,
                name: self.regarding.name,
            },
            apex: None,
            at,
            from: None,
            to: None,
            by: self.reporting_controller.unwrap_or_default(),
            why: self.note.unwrap_or_default(),
            unverified: false,
            took: None,
        };
        Some(HistoryRow::new(event, EventSource::UpstreamEvent))
    }
}
