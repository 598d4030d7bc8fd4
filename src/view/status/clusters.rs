//! The status of the groups of several clusters, as a table and as JSON or YAML.

use serde::Serialize;

use super::list::{StatusItem, item};
use super::note_line::NoteLine;
use super::notes::{notes, summary};
use super::table;
use super::table::{ClusterStatuses, TableStyle, worst_first};
use crate::model::Status;
use crate::problem::Problem;
use crate::text::clean;
use crate::view::formats::API_VERSION;

/// The groups of one cluster, or why they cannot be shown.
#[derive(Debug)]
pub struct ClusterSnapshot<'a> {
    pub groups: ClusterStatuses<'a>,
    /// None if the kubeconfig could not be used.
    pub server: Option<&'a str>,
    pub error: Option<&'a Problem>,
}

/// The groups of several clusters.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatusList<'a> {
    api_version: &'static str,
    kind: &'static str,
    clusters: Vec<ClusterStatus<'a>>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
struct ClusterStatus<'a> {
    context: &'a str,
    server: Option<&'a str>,
    items: Vec<StatusItem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    next: &'a [String],
}

impl<'a> ClusterStatusList<'a> {
    pub fn new(snapshots: &[ClusterSnapshot<'a>], exit_code: u8) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "ClusterStatusList",
            clusters: snapshots.iter().map(cluster).collect(),
            exit_code,
        }
    }
}

fn cluster<'a>(snapshot: &ClusterSnapshot<'a>) -> ClusterStatus<'a> {
    let (groups, error) = (snapshot.groups, snapshot.error);
    let items = groups.statuses.iter();
    ClusterStatus {
        context: groups.context,
        server: snapshot.server,
        items: items
            .map(|status| item(status, groups.connection))
            .collect(),
        error: error.map(|problem| problem.message.as_str()),
        next: error.map_or(&[], |problem| &problem.next),
    }
}

/// A table of the groups of all clusters, and below it notes on groups and clusters.
pub fn render(snapshots: &[ClusterSnapshot], style: TableStyle) -> String {
    let sorted = snapshots.iter();
    let sorted: Vec<Vec<Status>> = sorted
        .map(|snapshot| worst_first(snapshot.groups.statuses))
        .collect();
    let clusters = snapshots.iter().zip(&sorted);
    let clusters: Vec<ClusterStatuses> = clusters
        .map(|(snapshot, statuses)| ClusterStatuses {
            statuses,
            ..snapshot.groups
        })
        .collect();
    let notes = snapshots.iter();
    let notes: String = notes
        .map(|snapshot| cluster_notes(snapshot, style))
        .collect();
    if clusters.iter().all(|groups| groups.statuses.is_empty()) {
        return notes;
    }
    let gap = if notes.is_empty() { "" } else { "\n" };
    table::rows(&clusters, style) + gap + &notes
}

fn cluster_notes(snapshot: &ClusterSnapshot, style: TableStyle) -> String {
    let groups = snapshot.groups;
    let context = clean(groups.context);
    let of_cluster = snapshot.error.map(|problem| problem.lines("error"));
    let of_cluster = of_cluster.into_iter().flatten().map(NoteLine::plain);
    let mut notes = notes(groups, style);
    notes.extend(summary(groups.statuses));
    notes.extend(of_cluster);
    let said = |note: NoteLine| {
        let named = if note.text.starts_with(' ') {
            note
        } else {
            note.of_cluster(&context)
        };
        named.whole(style) + "\n"
    };
    notes.into_iter().map(said).collect()
}
