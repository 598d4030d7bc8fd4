//! The moves that Events tell of.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::Cluster;
use super::error::RequestResult;
use super::events::{CONTROLLER, MOVE};
use super::path::EVENTS;
use super::stream::{Source as Collection, Versioned, list};
use crate::model::history::{Move, Source};
use crate::model::{GroupId, LastMove};
use crate::resource::{KINDS, KindInfo};

/// The reason of the Events of Linkerd's own failover controller.
const UPSTREAM_REASON: &str = "Failover";
/// The reasons of our own Events that tell of moves start with this.
const MOVED: &str = "TrafficMoved";

/// What Events tell.
#[derive(Debug, Default)]
pub struct Told {
    pub moves: Vec<Move>,
    /// The time of the oldest Event that is kept on such objects, whatever it tells.
    pub oldest: Option<Timestamp>,
}

/// Reads the Events on objects that can carry groups.
///
/// # Errors
/// Where a list fails.
pub async fn read(cluster: &Cluster, namespace: Option<&str>) -> RequestResult<Told> {
    let mut told = Told::default();
    for kind in KINDS {
        let info = kind.info();
        let mut events =
            Collection::new(EVENTS, namespace, "", |raw: &RawValue| serde_json::from_str::<Event>(raw.get()));
        events.selection.fields = format!("regarding.kind={}", info.kind);
        for event in list(cluster, &events).await?.0 {
            let at = event.at();
            told.oldest = at.into_iter().chain(told.oldest).min();
            told.moves.extend(at.and_then(|at| event.tells(info, at)));
        }
    }
    Ok(told)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Event {
    metadata: Meta,
    event_time: Option<Timestamp>,
    deprecated_last_timestamp: Option<Timestamp>,
    series: Option<Series>,
    reporting_controller: Option<String>,
    reporting_instance: Option<String>,
    reason: Option<String>,
    note: Option<String>,
    regarding: Regarding,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    resource_version: String,
    creation_timestamp: Option<Timestamp>,
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    last_observed_time: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Regarding {
    namespace: String,
    name: String,
}

impl Event {
    fn at(&self) -> Option<Timestamp> {
        let last = self.series.as_ref().and_then(|series| series.last_observed_time);
        last.or(self.event_time).or(self.deprecated_last_timestamp).or(self.metadata.creation_timestamp)
    }

    /// The move, if it tells of one.
    fn tells(self, kind: &KindInfo, at: Timestamp) -> Option<Move> {
        let reason = self.reason.as_deref().unwrap_or_default();
        let controller = self.reporting_controller.unwrap_or_default();
        let is_own = controller == CONTROLLER && reason.starts_with(MOVED);
        if !is_own && reason != UPSTREAM_REASON {
            return None;
        }
        let annotation = self.metadata.annotations.as_ref().and_then(|all| all.get(MOVE));
        let noted: Option<LastMove> =
            annotation.filter(|_| is_own).and_then(|noted| serde_json::from_str(noted).ok());
        let told = Move {
            group: GroupId {
                namespace: self.regarding.namespace,
                kind: kind.singular,
                name: self.regarding.name,
            },
            apex: None,
            at,
            from: None,
            to: None,
            by: if is_own { self.reporting_instance.unwrap_or_default() } else { controller },
            why: self.note.unwrap_or_default(),
            unverified: reason.ends_with("Unverified"),
            sources: vec![if is_own { Source::Event } else { Source::UpstreamEvent }],
        };
        Some(match noted {
            Some(LastMove { from, to, by, why, .. }) => {
                Move { from: Some(from), to: Some(to), by, why, ..told }
            }
            None => told,
        })
    }
}

impl Versioned for Event {
    fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }
}
