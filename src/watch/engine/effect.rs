//! Effects: requests from the engine to the driver.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::GroupId;
use crate::model::notice::Notice;
use crate::model::transition::Transition;
use crate::readiness::scope::RelistRequest;
use crate::readiness::scope::{SliceScope, SliceWatchId};
use crate::resource::{Change, Record};

/// A time on two clocks: monotonic since the start of the driver, and the API server's clock.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: Duration,
    pub server: Timestamp,
}

#[derive(Debug)]
pub enum Effect {
    StartWatch(SliceWatchId, SliceScope),
    StopWatch(SliceWatchId),
    /// List the EndpointSlices of these services again.
    Relist(RelistRequest),
    Write(Box<Write>),
    /// Find out which kinds of groups may be patched in a namespace.
    ReviewRights(String),
    AcquireLease(String),
    ReleaseLease(String),
    /// Restart the watches of groups, and acquire these namespaces' Leases again.
    Restart(Vec<String>),
    /// Read the group's object. The result must return this request number.
    ReadGroup(GroupId, u64, Box<Record>),
    /// Report that traffic has moved, and record an Event on the object.
    Moved(Box<Record>, Transition),
    Report(Notice),
}

/// A patch of a group's object.
#[derive(Debug)]
pub struct Write {
    pub group: GroupId,
    /// The request number, which the result must return.
    pub request: u64,
    /// Whether the previous write failed.
    pub is_retry: bool,
    pub record: Record,
    pub change: Change,
    /// When the Lease that permits the write expires. None: the write needs no Lease.
    pub until: Option<Duration>,
}
