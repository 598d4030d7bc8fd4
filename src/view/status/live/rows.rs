//! Which groups the live view shows, in which order, and which one is selected.

use super::app::{GroupKey, LiveApp, Sort};
use crate::model::Status;

/// A group, and the index of its cluster.
pub type GroupRow<'a> = (usize, &'a Status);

impl LiveApp {
    /// The groups that match the filter, sorted.
    pub(super) fn rows(&self) -> Vec<GroupRow<'_>> {
        let filter = self.filter.to_lowercase();
        let all = self.clusters.iter().enumerate();
        let all = all.flat_map(|(index, cluster)| {
            cluster.statuses.iter().map(move |status| (index, status))
        });
        let mut rows: Vec<GroupRow> = all
            .filter(|(index, status)| filter.is_empty() || self.matches(*index, status, &filter))
            .collect();
        rows.sort_by(|(a_cluster, a), (b_cluster, b)| {
            let worse = match self.sort {
                Sort::Worst => a.state.urgency_rank().cmp(&b.state.urgency_rank()),
                Sort::Name => std::cmp::Ordering::Equal,
            };
            worse.then_with(|| (&a.id, a_cluster).cmp(&(&b.id, b_cluster)))
        });
        rows
    }

    pub(super) fn total(&self) -> usize {
        let counts = self.clusters.iter().map(|cluster| cluster.statuses.len());
        counts.sum()
    }

    /// Whether a group's names, backends, state or cluster contain the filter.
    fn matches(&self, cluster: usize, status: &Status, filter: &str) -> bool {
        let contains = |text: &str| text.to_lowercase().contains(filter);
        contains(&status.id.to_string())
            || contains(&status.apex)
            || contains(&status.state.to_string())
            || status
                .backends
                .iter()
                .any(|backend| contains(&backend.name))
            || self.clusters.len() > 1 && contains(&self.clusters[cluster].context)
    }

    /// The index of the selected row; the first one if the selected group is not shown.
    pub(super) fn selected_index(&self, rows: &[GroupRow]) -> usize {
        let Some(selected) = &self.selected else {
            return 0;
        };
        let is_selected = |row: &GroupRow| row.0 == selected.cluster && row.1.id == selected.id;
        rows.iter().position(is_selected).unwrap_or(0)
    }

    pub(super) fn selected_group(&self) -> Option<GroupKey> {
        let rows = self.rows();
        let (cluster, status) = rows.get(self.selected_index(&rows))?;
        Some(GroupKey {
            cluster: *cluster,
            id: status.id.clone(),
        })
    }
}
