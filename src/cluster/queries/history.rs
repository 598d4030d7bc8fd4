//! The moves that Events record.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;

use crate::cluster::api::events::{
    CONTROLLER, LEASE_KIND, MOVE_ANNOTATION, MOVE_REASON, MOVES_ANNOTATION, RecordedMove,
};
use crate::cluster::api::lease;
use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::EVENTS;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::model::history::{Move, MoveSource};
use crate::model::{GroupId, LastMove};
use crate::resource::{KINDS, KindInfo};

/// The reason of the Events of Linkerd's own failover controller.
const UPSTREAM_REASON: &str = "Failover";

/// The moves that Events record.
#[derive(Debug, Default)]
pub struct EventHistory {
    pub moves: Vec<Move>,
    /// The time of the oldest Event on these objects, even if it does not record a move.
    pub oldest: Option<Timestamp>,
}

/// Reads the Events on objects that can define groups, and those that record several moves.
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
            history.moves.extend(event.moves(at));
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
    reporting_instance: Option<String>,
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

    /// Returns the moves that it records.
    fn moves(self, at: Timestamp) -> Vec<Move> {
        if self.regarding.kind == LEASE_KIND {
            self.many()
        } else {
            self.one(at).into_iter().collect()
        }
    }

    fn many(&self) -> Vec<Move> {
        let entries = self
            .annotation(MOVES_ANNOTATION)
            .and_then(|noted| serde_json::from_str(noted).ok());
        let entries: Vec<RecordedMove> = entries.unwrap_or_default();
        let is_own = self.reporting_controller.as_deref() == Some(CONTROLLER);
        let own = entries.into_iter().filter(|_| is_own);
        own.filter_map(|entry| {
            let kind = KINDS
                .iter()
                .map(|kind| kind.info().name)
                .find(|name| *name == entry.kind)?;
            let LastMove {
                from,
                to,
                at,
                by,
                why,
                unverified,
                ..
            } = entry.last;
            let group = GroupId {
                namespace: self.regarding.namespace.clone(),
                kind,
                name: entry.name,
            };
            let sources = vec![MoveSource::Event];
            Some(Move {
                group,
                apex: None,
                at,
                from: Some(from),
                to: Some(to),
                by,
                why,
                unverified,
                sources,
            })
        })
        .collect()
    }

    fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata
            .annotations
            .as_ref()?
            .get(name)
            .map(String::as_str)
    }

    /// Returns the move that an Event on a group records, if any.
    fn one(self, at: Timestamp) -> Option<Move> {
        let group = self
            .regarding
            .api_version
            .split('/')
            .next()
            .unwrap_or_default();
        let is_kind = |info: &&KindInfo| info.kind == self.regarding.kind && info.group() == group;
        let kind = KINDS.iter().map(|kind| kind.info()).find(is_kind)?;
        let reason = self.reason.as_deref().unwrap_or_default();
        let controller = self.reporting_controller.clone().unwrap_or_default();
        let is_own = controller == CONTROLLER && reason.starts_with(MOVE_REASON);
        if !is_own && reason != UPSTREAM_REASON {
            return None;
        }
        let annotation = self.annotation(MOVE_ANNOTATION).filter(|_| is_own);
        let noted: Option<LastMove> = annotation.and_then(|noted| serde_json::from_str(noted).ok());
        let recorded = Move {
            group: GroupId {
                namespace: self.regarding.namespace,
                kind: kind.name,
                name: self.regarding.name,
            },
            apex: None,
            at,
            from: None,
            to: None,
            by: if is_own {
                self.reporting_instance.unwrap_or_default()
            } else {
                controller
            },
            why: self.note.unwrap_or_default(),
            unverified: reason.ends_with("Unverified"),
            sources: vec![if is_own {
                MoveSource::Event
            } else {
                MoveSource::UpstreamEvent
            }],
        };
        Some(match noted {
            Some(LastMove {
                from, to, by, why, ..
            }) => Move {
                from: Some(from),
                to: Some(to),
                by,
                why,
                ..recorded
            },
            None => recorded,
        })
    }
}
