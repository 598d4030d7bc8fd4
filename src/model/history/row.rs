//! A row of `history`, and what it is made from.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::event::{EventKind, GroupEvent};
use crate::model::ids::GroupId;

/// One event, and where it is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// The event.
    pub event: GroupEvent,
    /// The sources that report it, the most precise first.
    pub sources: Vec<EventSource>,
    /// How long the state lasted that it began; none for an event that begins none.
    pub lasted: Option<Lasted>,
}

/// How long the state lasted that an event began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasted {
    /// The time from the event to its end, or to now.
    pub time: Duration,
    /// It has not ended.
    pub goes_on: bool,
}

/// The source of a reported event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventSource {
    /// The annotation `last-move` on the object.
    LastMove,
    /// A Kubernetes Event of this tool.
    Event,
    /// The journal of a `watch`.
    Journal,
    /// The annotation of an override or a pause that is in force.
    Order,
    /// A Kubernetes Event of Linkerd's own failover controller.
    UpstreamEvent,
    /// `metadata.managedFields`: the last edit of the backends.
    ManagedFields,
    /// The readiness of the backends now, and the times of their EndpointSlices.
    Readiness,
    /// Two moves, the second of which does not begin where the first one ended.
    Gap,
}

impl EventSource {
    /// Of several reports of an event, the one with the smallest number counts.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Event => 0,
            Self::Journal => 1,
            Self::LastMove => 2,
            Self::Order => 3,
            Self::UpstreamEvent => 4,
            Self::ManagedFields => 5,
            Self::Readiness => 6,
            Self::Gap => 7,
        }
    }
}

/// A group as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentGroup {
    /// The group.
    pub group: GroupId,
    /// The group's apex.
    pub apex: String,
    /// The primary; under an override, the primary before it.
    pub home: Option<String>,
    /// The last writer of the backends besides this tool, and when it wrote them.
    pub last_edit: Option<(String, Option<Timestamp>)>,
    /// What it certainly does not have now: outages that ended while nobody watched.
    pub over: Vec<EventKind>,
}

impl HistoryRow {
    /// Returns a report from one source.
    pub fn new(event: GroupEvent, source: EventSource) -> Self {
        Self {
            event,
            sources: vec![source],
            lasted: None,
        }
    }
}
