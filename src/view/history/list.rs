//! The past of groups as data for programs.

use jiff::Timestamp;
use serde::Serialize;

use super::ClusterRow;
use super::cells::{from_and_to, sources};
use crate::model::event::EventKind;
use crate::model::history::EventSource;
use crate::view::formats::API_VERSION;

/// The events of one or several clusters, the newest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryList<'a> {
    api_version: &'static str,
    kind: &'static str,
    /// None for several clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    items: Vec<HistoryItem<'a>>,
}

/// One event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryItem<'a> {
    context: &'a str,
    namespace: &'a str,
    /// Kind of the object, such as `trafficsplit`.
    object: &'a str,
    name: &'a str,
    /// None if the object no longer exists.
    apex: Option<&'a str>,
    at: Timestamp,
    event: EventKind,
    /// The weights, if they are known and the event is about traffic.
    from: Option<&'a str>,
    to: Option<&'a str>,
    by: &'a str,
    why: &'a str,
    unverified: bool,
    /// How long the state lasted that it began, in seconds.
    lasted_seconds: Option<f64>,
    /// That state has not ended.
    ongoing: bool,
    /// It is concluded from the object, and was not seen.
    hint: bool,
    sources: Vec<&'static str>,
}

impl<'a> HistoryList<'a> {
    /// `cluster`: context and server, if there is only one cluster.
    pub fn new(cluster: Option<(&'a str, &'a str)>, rows: &[ClusterRow<'a>]) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "HistoryList",
            context: cluster.map(|(context, _)| context),
            server: cluster.map(|(_, server)| server),
            items: rows.iter().map(item).collect(),
        }
    }
}

/// Returns one event as data.
pub fn item<'a>(told: &ClusterRow<'a>) -> HistoryItem<'a> {
    let ClusterRow { context, row } = *told;
    let event = &row.event;
    let hints = [
        EventSource::ManagedFields,
        EventSource::Readiness,
        EventSource::Gap,
    ];
    HistoryItem {
        context,
        namespace: &event.group.namespace,
        object: event.group.kind,
        name: &event.group.name,
        apex: event.apex.as_deref(),
        at: event.at,
        event: event.kind,
        from: event.from.as_deref(),
        to: event.to.as_deref(),
        by: &event.by,
        why: &event.why,
        unverified: event.unverified,
        lasted_seconds: row
            .lasted
            .map(|it| (it.time.as_secs_f64() * 1e3).round() / 1e3),
        ongoing: row.lasted.is_some_and(|it| it.goes_on),
        hint: row.sources.iter().all(|source| hints.contains(source)),
        sources: sources(row),
    }
}

/// Returns one event as a line of text.
pub fn text_line(told: &ClusterRow) -> String {
    let event = &told.row.event;
    let (from, to) = from_and_to(event, false);
    let moved = if event.moves() {
        format!(" {from} -> {to}")
    } else {
        String::new()
    };
    let by = if event.by.is_empty() {
        String::new()
    } else {
        format!(" ({})", event.by)
    };
    let why = super::cells::why(event);
    format!(
        "{:.0} {} {}{moved}: {why}{by}",
        event.at, event.group, event.kind
    )
}
