//! The options of `watch` in one cluster, and its outcome.

use std::time::Duration;

use jiff::Timestamp;

use super::clocks::Clocks;
use super::metrics::registry::Metrics;
use crate::model::{GroupEvent, GroupId, Notice};

pub use super::engine::core::EngineOptions;

#[derive(Debug, Clone, Default)]
pub struct WatchOptions {
    /// None: all namespaces.
    pub namespace: Option<String>,
    /// Stop when every group is settled.
    pub once: bool,
    pub engine: EngineOptions,
    pub metrics: Metrics,
    /// The name in the metrics. None: that of the context.
    pub name: Option<String>,
    /// Keep no journal in the cluster.
    pub without_journal: bool,
    /// Reads the clocks, given the time since the start. None: the machine's clocks. For tests that
    /// suspend the machine.
    pub clocks: Option<fn(Duration) -> Clocks>,
}

/// A notice, and the events of groups that it is about.
#[derive(Debug)]
pub struct WatchReport {
    /// The API server's time.
    pub at: Timestamp,
    pub notice: Notice,
    /// Empty for a standby and in a dry run, which leave them to whoever writes.
    pub events: Vec<GroupEvent>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchOutcome {
    /// It was stopped. The weights of these groups may be wrong, for these reasons.
    Stopped {
        unsettled: Vec<(GroupId, &'static str)>,
    },
    /// `once`: every group is settled, except for these.
    Done {
        /// The number of groups whose writes were refused.
        refused: usize,
        /// The groups that are invalid, which nothing moves, with the reasons.
        invalid: Vec<(GroupId, String)>,
        /// The groups whose backends cannot be read, with the reasons.
        unread: Vec<(GroupId, String)>,
    },
    /// The upstream controller manages these groups.
    RunByUpstream { groups: Vec<GroupId> },
    /// `once`: another `watch` holds a Lease that is needed. `what`: what it runs.
    HeldByAnother { what: String, holder: String },
}
