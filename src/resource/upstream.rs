//! Linkerd's own failover controller (<https://linkerd.io/2/tasks/automatic-failover/>), and which
//! objects it manages.

use super::{Kind as _, LabelSelector, Record, TrafficSplit};

/// The field manager of the controller's writes.
pub const UPSTREAM_MANAGER: &str = "failover.linkerd.io";

/// A running controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The namespace that it runs in.
    pub namespace: String,
    /// The label selector of the objects that it manages.
    pub selector: String,
}

impl Upstream {
    /// Whether it manages this object. A selector that cannot be parsed covers every TrafficSplit.
    pub fn covers(&self, record: &Record) -> bool {
        let is_split = record.kind.info().kind == TrafficSplit.info().kind;
        let selects = |selector: LabelSelector| selector.matches(&record.meta.labels);
        is_split && LabelSelector::parse(&self.selector).map_or(true, selects)
    }
}
