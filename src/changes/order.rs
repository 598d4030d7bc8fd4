//! The types that all changes by hand share: the order, its spec, and the outcome for each group.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::apex_service::BreakerChange;
use super::preflight::{Preflight, PreflightReads};
use super::refusal::Refusal;
use crate::cluster::Cluster;
use crate::model::roles::Roles;
use crate::model::{GroupId, Status};
use crate::problem::Problem;
use crate::resource::{Change, Record};
use crate::text::ConnectionFlags;

/// How long `--wait` waits by default.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(30);
const DEFAULT_WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// A change to a group: plan it, then check that it holds.
pub trait Order: Sync {
    fn spec(&self) -> OrderSpec;

    /// Returns what to change on this group.
    ///
    /// # Errors
    /// If the order is refused.
    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal>;

    /// Returns the prompt's lines on everything but the traffic: until when, why, and what it
    /// replaces.
    fn terms(&self, _seen: &Preflight) -> Vec<String> {
        Vec::new()
    }

    /// Returns lines to add to the report of a group. `reach` are the flags that reach its cluster.
    fn after(&self, _status: &Status, _reach: &ConnectionFlags) -> Vec<String> {
        Vec::new()
    }

    /// Returns the command that changes the groups that were left alone, too.
    fn command_for_left(&self, _place: &str) -> Option<String> {
        None
    }

    /// Whether the group is as ordered.
    fn is_met(&self, _status: &Status) -> bool {
        true
    }
}

/// How an order is carried out.
#[derive(Debug, Clone, Copy)]
pub struct OrderSpec {
    /// The command's name.
    pub name: &'static str,
    /// Ask for confirmation.
    pub asks: bool,
    /// Wait this long until every group is as ordered. None: report the groups right after the
    /// write.
    pub wait: Option<Duration>,
    /// Retry a write this long against other writers and failing servers.
    pub write_timeout: Duration,
    /// What planning needs apart from the group and its backends.
    pub reads: PreflightReads,
    /// Writes delete the group's object.
    pub deletes: bool,
    /// A signal ends what the order did, so every signal since the first write must be received.
    pub ends_on_signals: bool,
    /// The command waited for refusals that may pass, and timed out.
    pub timed_out: bool,
}

impl OrderSpec {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            asks: false,
            wait: None,
            write_timeout: DEFAULT_WRITE_TIMEOUT,
            reads: PreflightReads::default(),
            deletes: false,
            ends_on_signals: false,
            timed_out: false,
        }
    }
}

/// What to change on one group.
#[derive(Debug)]
pub enum ChangePlan {
    Unchanged(String),
    Change(Box<PlannedWrite>),
    /// The group is not among those that the order means.
    Left(Refusal),
}

/// What to write, and what it does.
#[derive(Debug)]
pub struct PlannedWrite {
    pub change: Change,
    /// The change of the Service that clients call, written after the group's object.
    pub breaker: Option<BreakerChange>,
    pub words: String,
}

impl ChangePlan {
    /// # Errors
    /// If an annotation could not be written as JSON. This does not happen: they are plain text and
    /// numbers.
    pub fn build(
        change: serde_json::Result<Change>,
        words: impl Into<String>,
    ) -> Result<Self, Refusal> {
        let unwritable = |_| Refusal::new("the annotations cannot be written as JSON", "");
        Ok(Self::Change(Box::new(PlannedWrite {
            change: change.map_err(unwritable)?,
            breaker: None,
            words: words.into(),
        })))
    }

    /// Returns the plan of an order that [deletes](OrderSpec::deletes) the object.
    pub fn delete(words: String) -> Self {
        Self::Change(Box::new(PlannedWrite {
            change: Change::default(),
            breaker: None,
            words,
        }))
    }
}

/// The outcome for one group.
#[derive(Debug)]
pub struct ChangeOutcome {
    pub id: GroupId,
    /// The roles of its backends before the change, as far as they are known.
    pub roles: Roles,
    pub result: ChangeResult,
    /// The group as it was read back, if it is as ordered; or why it could not be read.
    pub now: Option<Result<Status, Problem>>,
    /// How its traffic followed the weights, if the command waited for that.
    pub traffic: Option<FollowedTraffic>,
}

/// Whether the traffic of a group followed its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowedTraffic {
    pub is_met: bool,
    /// Where the requests went.
    pub words: String,
    /// Why they do not follow.
    pub next: Vec<String>,
    /// What was counted, as `traffic` prints it in JSON.
    pub document: Option<Value>,
}

impl FollowedTraffic {
    /// The requests could not be counted.
    pub fn uncounted(problem: &Problem) -> Self {
        Self {
            is_met: false,
            words: format!("its requests could not be counted: {}", problem.message),
            next: problem.next.clone(),
            document: None,
        }
    }
}

impl ChangeOutcome {
    pub fn new(id: GroupId, result: ChangeResult) -> Self {
        Self {
            roles: Roles::new(&id, None, []),
            id,
            result,
            now: None,
            traffic: None,
        }
    }

    pub fn of(record: &Record, result: ChangeResult) -> Self {
        Self {
            roles: roles(record),
            ..Self::new(record.id(), result)
        }
    }

    /// Whether the order was written, by this command or before it.
    pub fn is_as_ordered(&self) -> bool {
        matches!(
            self.result,
            ChangeResult::Changed(_) | ChangeResult::Unchanged(_)
        )
    }

    /// The group, if it was left alone.
    pub fn left(&self) -> Option<&GroupId> {
        matches!(self.result, ChangeResult::Left(_)).then_some(&self.id)
    }
}

#[derive(Debug)]
pub enum ChangeResult {
    Changed(String),
    WouldChange(String),
    Unchanged(String),
    Refused(Refusal),
    /// See [`ChangePlan::Left`].
    Left(Refusal),
    /// What the command waited for did not happen in time.
    NotMet(Refusal),
    Failed(Problem),
    /// The group no longer exists.
    Gone(Problem),
}

/// Returns the roles of a group's backends, as far as they are known.
pub fn roles(record: &Record) -> Roles {
    match &record.group {
        Ok(group) => Roles::of_group(group),
        Err(_) => Roles::new(&record.id(), None, []),
    }
}

/// Returns the end of a duration from `started`, or none if that date is out of range.
pub fn expiry(started: Timestamp, duration: Option<Duration>) -> Option<Timestamp> {
    let end = started.checked_add(duration?).ok()?;
    end.round(jiff::Unit::Second).ok()
}

/// # Errors
/// A usage error if the date at which the duration ends is out of range.
pub fn check_duration(cluster: &Cluster, duration: Option<Duration>) -> Result<(), Problem> {
    if duration.is_some() && expiry(cluster.clock().now(), duration).is_none() {
        return Err(Problem::usage("--duration is too long"));
    }
    Ok(())
}
