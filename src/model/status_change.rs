//! The changes between two snapshots of the groups, for `status -w`.

use super::status::Status;

/// A change of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusChange {
    /// The group in the first snapshot.
    Initial(Status),
    /// The group is new.
    Appeared(Status),
    /// The group's status differs.
    Changed {
        /// The earlier status.
        before: Box<Status>,
        /// The later status.
        after: Box<Status>,
    },
    /// The group no longer exists; this is its last status.
    Gone(Status),
}

impl StatusChange {
    /// Returns the latest status.
    pub fn status(&self) -> &Status {
        match self {
            Self::Initial(status) | Self::Appeared(status) | Self::Gone(status) => status,
            Self::Changed { after, .. } => after,
        }
    }

    /// Whether the state, the flags, the backends or the active ones changed, not just counts and
    /// words.
    pub fn is_transition(&self) -> bool {
        match self {
            Self::Changed { before, after } => {
                before.state != after.state
                    || before.flags != after.flags
                    || before.active() != after.active()
                    || before.backend_names() != after.backend_names()
            }
            _ => true,
        }
    }
}

/// Returns the changes for a first snapshot.
pub fn initial(statuses: &[Status]) -> Vec<StatusChange> {
    statuses
        .iter()
        .cloned()
        .map(StatusChange::Initial)
        .collect()
}

/// Returns the changes between two snapshots. Snapshots and result are sorted by group.
pub fn changes(before: &[Status], after: &[Status]) -> Vec<StatusChange> {
    let gone = before
        .iter()
        .filter(|old| find(after, old).is_none())
        .cloned()
        .map(StatusChange::Gone);
    let there = after.iter().filter_map(|new| match find(before, new) {
        None => Some(StatusChange::Appeared(new.clone())),
        Some(old) if old == new => None,
        Some(old) => Some(StatusChange::Changed {
            before: Box::new(old.clone()),
            after: Box::new(new.clone()),
        }),
    });
    let mut changes: Vec<StatusChange> = gone.chain(there).collect();
    changes.sort_by(|a, b| a.status().id.cmp(&b.status().id));
    changes
}

fn find<'a>(sorted: &'a [Status], wanted: &Status) -> Option<&'a Status> {
    let index = sorted
        .binary_search_by(|status| status.id.cmp(&wanted.id))
        .ok()?;
    sorted.get(index)
}
