//! Moves as a table, and as data for programs.

use jiff::Timestamp;
use serde::Serialize;

use super::age::age;
use super::columns::{Cell, Columns};
use super::formats::API_VERSION;
use super::status::table::TableStyle;
use crate::model::history::{Move, MoveSource};

/// The moves that are known in one cluster, the newest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryList<'a> {
    api_version: &'static str,
    kind: &'static str,
    context: &'a str,
    server: &'a str,
    items: Vec<HistoryItem<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryItem<'a> {
    namespace: &'a str,
    /// Kind of the object, such as `trafficsplit`.
    object: &'a str,
    name: &'a str,
    /// None if the object no longer exists.
    apex: Option<&'a str>,
    at: Timestamp,
    /// The weights, if they are known.
    from: Option<&'a str>,
    to: Option<&'a str>,
    by: &'a str,
    why: &'a str,
    unverified: bool,
    /// Someone edited the backends, which may not have moved traffic.
    hint: bool,
    sources: Vec<&'static str>,
}

impl<'a> HistoryList<'a> {
    pub fn new(context: &'a str, server: &'a str, moves: &'a [Move]) -> Self {
        let items = moves.iter().map(item).collect();
        Self {
            api_version: API_VERSION,
            kind: "HistoryList",
            context,
            server,
            items,
        }
    }
}

fn item(told: &Move) -> HistoryItem<'_> {
    HistoryItem {
        namespace: &told.group.namespace,
        object: told.group.kind,
        name: &told.group.name,
        apex: told.apex.as_deref(),
        at: told.at,
        from: told.from.as_deref(),
        to: told.to.as_deref(),
        by: &told.by,
        why: &told.why,
        unverified: told.unverified,
        hint: is_hint(told),
        sources: sources(told),
    }
}

fn is_hint(told: &Move) -> bool {
    told.sources == [MoveSource::ManagedFields]
}

fn sources(told: &Move) -> Vec<&'static str> {
    let name = |source: &MoveSource| match source {
        MoveSource::LastMove => "last-move",
        MoveSource::Event => "event",
        MoveSource::UpstreamEvent => "upstream-event",
        MoveSource::ManagedFields => "managed-fields",
    };
    told.sources.iter().map(name).collect()
}

/// A row for each move.
pub fn table(moves: &[Move], style: TableStyle, now: Timestamp) -> String {
    let mut header = vec!["AGE", "NAME", "FROM", "TO", "BY", "WHY"];
    if style.namespaces {
        header.insert(1, "NAMESPACE");
    }
    if style.wide {
        header.insert(0, "TIME");
        header.push("KNOWN FROM");
    }
    let rows = moves.iter().map(|told| row(told, style, now));
    Columns::new(&header, rows).lines().join("\n") + "\n"
}

fn row(told: &Move, style: TableStyle, now: Timestamp) -> Vec<Cell> {
    let weights = |weights: &Option<String>| {
        let weights = weights.as_deref().unwrap_or("?");
        if style.wide {
            weights.to_owned()
        } else {
            carrying(weights)
        }
    };
    let why = if told.unverified {
        format!("{} (unverified)", told.why)
    } else {
        told.why.clone()
    };
    let mut cells = vec![
        age(told.at, now),
        told.group.short_name(),
        weights(&told.from),
        weights(&told.to),
        told.by.clone(),
        why,
    ];
    if style.namespaces {
        cells.insert(1, told.group.namespace.clone());
    }
    if style.wide {
        cells.insert(0, format!("{:.0}", told.at));
        cells.push(sources(told).join(","));
    }
    cells.iter().map(|text| Cell::new(text)).collect()
}

/// Returns the backends that carry traffic, from weights in the form of annotations.
fn carrying(weights: &str) -> String {
    let carries = |pair: &&str| !pair.ends_with("=0");
    let names = weights
        .split(',')
        .filter(carries)
        .map(|pair| pair.split('=').next().unwrap_or(pair));
    let names = names.collect::<Vec<_>>().join(",");
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names
    }
}
