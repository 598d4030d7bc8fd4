//! The state of groups in several clusters.

use serde::Serialize;

use super::status::{StatusItem, item};
use super::stream::API_VERSION;
use super::table;
use super::table::{Shown, TableStyle};
use crate::error::Report;
use crate::text::clean;

/// The groups of one cluster, or why they can't be shown.
#[derive(Debug)]
pub struct ClusterSnapshot<'a> {
    pub shown: Shown<'a>,
    /// None where the kubeconfig could not be used.
    pub server: Option<&'a str>,
    pub error: Option<&'a Report>,
}

/// Groups as they stand, in several clusters.
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
    pub fn new(looks: &[ClusterSnapshot<'a>], exit_code: u8) -> Self {
        let cluster = |look: &ClusterSnapshot<'a>| ClusterStatus {
            context: look.shown.context,
            server: look.server,
            items: look
                .shown
                .statuses
                .iter()
                .map(|status| item(status, look.shown.reach))
                .collect(),
            error: look.error.map(|told| told.message.as_str()),
            next: look
                .error
                .map(|told| told.next.as_slice())
                .unwrap_or_default(),
        };
        let clusters = looks.iter().map(cluster).collect();
        Self {
            api_version: API_VERSION,
            kind: "ClusterStatusList",
            clusters,
            exit_code,
        }
    }
}

/// A row for each group, and below what is to be said of groups and of clusters.
pub fn render(looks: &[ClusterSnapshot], style: TableStyle) -> String {
    let shown: Vec<Shown> = looks.iter().map(|look| look.shown).collect();
    let mut text = if shown.iter().all(|shown| shown.statuses.is_empty()) {
        String::new()
    } else {
        table::rows(&shown, style)
    };
    let notes: String = looks.iter().map(|look| notes(look, style)).collect();
    if !text.is_empty() && !notes.is_empty() {
        text.push('\n');
    }
    text + &notes
}

fn notes(look: &ClusterSnapshot, style: TableStyle) -> String {
    let context = clean(look.shown.context);
    let said = |line: &str| {
        if line.starts_with(' ') {
            format!("{line}\n")
        } else {
            format!("{context}: {line}\n")
        }
    };
    let of_groups = table::notes(look.shown, style) + &table::summary(look.shown.statuses);
    let of_cluster = look
        .error
        .map(|told| told.lines("error"))
        .unwrap_or_default();
    of_groups
        .lines()
        .map(said)
        .chain(of_cluster.iter().map(|line| said(line)))
        .collect()
}
