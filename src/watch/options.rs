//! What a loop is to do, and how it ended.

use std::time::Duration;

use super::driver::suspend::Clocks;
use super::metrics::registry::Metrics;
use crate::model::{GroupId, MaxMoves};

/// What to run on.
#[derive(Debug, Clone, Default)]
pub struct WatchOptions {
    /// None: all namespaces.
    pub namespace: Option<String>,
    /// A label selector that narrows the groups down.
    pub selector: Option<String>,
    /// Stop when every group is where it belongs.
    pub once: bool,
    /// Write nothing.
    pub dry_run: bool,
    pub max_moves: Option<MaxMoves>,
    /// Run beside Linkerd's own controller the groups on which both come to the same answer.
    pub alongside_upstream: bool,
    pub metrics: Metrics,
    /// What tells the clocks, from the time since the loop's start; none: the machine. Tests let it sleep so.
    pub clocks: Option<fn(Duration) -> Clocks>,
}

/// How the loop ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchOutcome {
    /// It was told to stop; these groups were not where they belong yet, and why.
    Stopped {
        unsettled: Vec<(GroupId, &'static str)>,
    },
    /// `once`: every group is where it belongs, but for so many whose writes were refused, and for those of which that
    /// is not known since what it takes can't be read, and why.
    Done {
        refused: usize,
        unread: Vec<(GroupId, String)>,
    },
    /// Linkerd's own controller runs these groups.
    RunByUpstream { groups: Vec<GroupId> },
    /// `once`: another loop runs groups here.
    HeldByAnother { namespace: String, holder: String },
}
