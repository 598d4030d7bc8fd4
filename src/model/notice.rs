use std::time::Duration;

use jiff::Timestamp;

use super::group::GroupId;
use super::report::State;

/// What the loop tells of its work.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The groups are known, and the loop runs.
    Started {
        groups: usize,
    },
    /// Traffic has been moved.
    Moved(Transition),
    /// An order of an operator has ended, as it was to.
    Ended {
        group: GroupId,
        /// The API server's time.
        at: Timestamp,
        what: &'static str,
    },
    /// Traffic would be moved, but for `--dry-run`.
    WouldMove(Transition),
    /// Nobody is ready, or the readiness that would decide can't be known: traffic stays where it is.
    Stuck {
        group: GroupId,
        state: State,
        reason: String,
        /// What cannot be known, in words that name no backend.
        cause: Option<String>,
    },
    /// That is over.
    Unstuck {
        group: GroupId,
        /// What it was while it lasted.
        was: State,
        state: State,
        reason: String,
    },
    /// Its object is deleted, or is not among those that are followed any more.
    Gone {
        group: GroupId,
    },
    /// The cluster does not know a kind of objects any more.
    KindGone {
        /// Name of its CustomResourceDefinition.
        crd: &'static str,
    },
    /// It knows it again.
    KindAgain {
        crd: &'static str,
        groups: usize,
    },
    /// The same of many, at one time and for one cause.
    Many(Vec<Notice>),
    /// An object with the label is no group; its traffic is left alone.
    Invalid {
        group: GroupId,
        reason: String,
        mend: String,
    },
    /// The object may have no effect, or not on all the traffic.
    Warning {
        group: GroupId,
        warning: String,
    },
    /// A write failed; what follows is in the words.
    WriteFailed {
        group: GroupId,
        error: String,
        next: &'static str,
    },
    /// Someone else has put back the weights that this loop set; the answer waits, so that the traffic is not thrown
    /// to and fro.
    Contested {
        group: GroupId,
        by: String,
        wait: Duration,
    },
    /// More moves are due than are allowed at once: so many wait.
    Braked {
        most: usize,
        within: Duration,
        waiting: usize,
    },
    /// Linkerd's own controller runs the group.
    LeftToUpstream {
        group: GroupId,
        why: &'static str,
    },
    /// Whether Linkerd's own controller runs in the cluster can't be seen.
    UpstreamUnseen,
    /// The machine has slept: everything is read again before anything is decided.
    Slept,
    /// Another loop runs the groups of a namespace; this one takes over when that one ends.
    Standby {
        namespace: String,
        holder: String,
        /// It should have renewed its Lease by now.
        late: bool,
    },
    TookOver {
        namespace: String,
    },
    /// The Lease can't be renewed: nothing is written once it has ended.
    LeaseFailing {
        namespace: String,
        why: String,
    },
    LeaseAgain {
        namespace: String,
    },
    /// Nothing keeps two loops apart but the versions of the objects.
    Unguarded {
        namespace: String,
        why: String,
    },
    /// Something that the loop reads cannot be read; it is tried again.
    ReadFailed {
        what: String,
        error: String,
    },
    /// It can be read again.
    ReadAgain {
        what: String,
    },
}

impl Notice {
    /// The group that it speaks of.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Moved(transition) | Self::WouldMove(transition) => Some(&transition.group),
            Self::Ended { group, .. }
            | Self::Stuck { group, .. }
            | Self::Unstuck { group, .. }
            | Self::Gone { group }
            | Self::Invalid { group, .. }
            | Self::WriteFailed { group, .. }
            | Self::Contested { group, .. }
            | Self::LeftToUpstream { group, .. } => Some(group),
            _ => None,
        }
    }

    /// The namespace that it speaks of.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Standby { namespace, .. }
            | Self::TookOver { namespace }
            | Self::LeaseFailing { namespace, .. }
            | Self::LeaseAgain { namespace }
            | Self::Unguarded { namespace, .. } => Some(namespace),
            _ => self.group().map(|group| group.namespace.as_str()),
        }
    }

    /// Whether someone should look at it.
    pub fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::Stuck { .. }
                | Self::Invalid { .. }
                | Self::WriteFailed { .. }
                | Self::Contested { .. }
                | Self::Braked { .. }
                | Self::UpstreamUnseen
                | Self::LeaseFailing { .. }
                | Self::KindGone { .. }
                | Self::Unguarded { .. }
                | Self::ReadFailed { .. }
        )
    }
}

/// A move of one group's traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    pub group: GroupId,
    pub apex: String,
    /// The API server's time.
    pub at: Timestamp,
    /// Names and weights of the backends, before.
    pub from: Vec<(String, u64)>,
    pub to: Vec<(String, u64)>,
    pub why: String,
    pub unverified: bool,
    /// From hearing of the change to the answer to the write.
    pub took: Duration,
}

impl Transition {
    /// The backends that carry traffic now.
    pub fn active(&self) -> String {
        carrying(&self.to)
    }

    /// The backends that carried it before.
    pub fn was_active(&self) -> String {
        carrying(&self.from)
    }
}

fn carrying(weights: &[(String, u64)]) -> String {
    let names: Vec<&str> = weights
        .iter()
        .filter(|(_, weight)| *weight > 0)
        .map(|(name, _)| name.as_str())
        .collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}
