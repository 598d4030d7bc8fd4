//! What has changed between two looks at the groups.

use super::status::Status;

/// One group that is not as it was. Before its first look, and after its end, there is no status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusChange {
    /// As it is at the first look.
    Initial(Status),
    Appeared(Status),
    Changed {
        before: Box<Status>,
        after: Box<Status>,
    },
    Gone(Status),
}

impl StatusChange {
    /// The group as it is now or, where it is gone, as it was.
    pub fn status(&self) -> &Status {
        match self {
            Self::Initial(status) | Self::Appeared(status) | Self::Gone(status) => status,
            Self::Changed { after, .. } => after,
        }
    }

    /// Whether it is more than numbers of endpoints and words.
    pub fn is_transition(&self) -> bool {
        match self {
            Self::Changed { before, after } => {
                before.state != after.state
                    || before.flags != after.flags
                    || before.active() != after.active()
            }
            _ => true,
        }
    }
}

/// What a first look shows.
pub fn initial(statuses: &[Status]) -> Vec<StatusChange> {
    statuses
        .iter()
        .cloned()
        .map(StatusChange::Initial)
        .collect()
}

/// What has changed; both lists, and the answer, are in the order of the groups' names.
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
