//! What the engine asks the driver to do.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::notice::{Notice, Transition};
use crate::model::{GroupId, ServiceRef};
use crate::readiness::scope::RelistRequest;
use crate::readiness::scope::{SliceScope, SliceWatchId};
use crate::resource::{Change, Record};

/// When something happened: monotonic since the start of the driver, and by the API server's clock.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: Duration,
    pub server: Timestamp,
}

#[derive(Debug)]
pub enum Effect {
    StartWatch(SliceWatchId, SliceScope),
    StopWatch(SliceWatchId),
    /// Find out whether a Service exists.
    LookUpService(ServiceRef),
    /// List the EndpointSlices of these services again.
    Relist(RelistRequest),
    Write(Box<Write>),
    AcquireLease(String),
    ReleaseLease(String),
    /// Restart the watches of groups, and acquire these namespaces' Leases again.
    Restart(Vec<String>),
    /// Read the group's object. The result has to carry this request number.
    ReadGroup(GroupId, u64, Box<Record>),
    /// Traffic has moved: report it, and record an Event on the object.
    Moved(Box<Record>, Transition),
    Report(Notice),
}

/// A patch of a group's object.
#[derive(Debug)]
pub struct Write {
    pub group: GroupId,
    /// The result has to carry it.
    pub request: u64,
    /// Whether the write before it failed.
    pub is_retry: bool,
    pub record: Record,
    pub change: Change,
    /// When the Lease expires that the write needs. None: it needs none.
    pub until: Option<Duration>,
}
