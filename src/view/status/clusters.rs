//! The status of the groups of several clusters, as a table and as JSON or YAML.

use serde::Serialize;

use super::list::{StatusItem, item};
use super::narrow::Blocks;
use super::note_line::NoteLine;
use super::notes::{notes, summary};
use super::table::{ClusterStatuses, TableStyle, worst_first};
use super::{narrow, table};
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

/// A table of the groups of all clusters, and below it notes on groups and clusters. `columns` is the
/// width of the terminal, if there is one.
pub fn render(snapshots: &[ClusterSnapshot], style: TableStyle, columns: Option<u16>) -> String {
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
        .map(|snapshot| cluster_notes(snapshot, style, columns))
        .collect();
    if clusters.iter().all(|groups| groups.statuses.is_empty()) {
        return notes;
    }
    let gap = if notes.is_empty() { "" } else { "\n" };
    let rows = match columns {
        Some(columns) => {
            let Blocks { heading, groups } = narrow::blocks(&clusters, style, columns);
            let lines: Vec<String> = std::iter::once(heading).chain(groups.concat()).collect();
            lines.join("\n") + "\n"
        }
        None => table::rows(&clusters, style),
    };
    rows + gap + &notes
}

fn cluster_notes(snapshot: &ClusterSnapshot, style: TableStyle, columns: Option<u16>) -> String {
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
        // A terminal wraps a command without breaking it, so that it can be pasted.
        match columns.filter(|_| !named.is_command) {
            Some(columns) => named.folded(columns, style),
            None => vec![named.whole(style)],
        }
    };
    let lines = notes.into_iter().flat_map(said);
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{GroupId, Invalid, Runner, WeightsOrigin};
    use crate::text::connection_flags::NO_FLAGS;

    #[test]
    fn groups_of_several_clusters_fit_the_terminal() {
        let id = GroupId {
            namespace: "a-namespace-with-a-name".to_owned(),
            kind: "trafficsplit",
            name: "a-group-with-a-name-of-thirty-letters".to_owned(),
        };
        let reason = "many words of why nothing is as it should be, ".repeat(4);
        let invalid = Invalid::new(reason, "");
        let origin = WeightsOrigin::Created(None);
        let apex = "a-service-with-a-long-name".to_owned();
        let mut status = Status::invalid(id, apex, invalid, origin, Runner::Unattended);
        status.mend = None;
        let statuses = [status];
        let snapshot = ClusterSnapshot {
            groups: ClusterStatuses {
                context: "west",
                connection: &NO_FLAGS,
                statuses: &statuses,
                selector: None,
                now: Timestamp::UNIX_EPOCH,
            },
            server: None,
            error: None,
        };
        let style = TableStyle {
            namespaces: true,
            clusters: true,
            ..TableStyle::default()
        };
        let widest = |columns| {
            let text = render(std::slice::from_ref(&snapshot), style, columns);
            text.lines().map(str::len).max()
        };
        assert!(widest(Some(80)) <= Some(80));
        assert!(widest(None) > Some(80));
    }
}
