//! What `force` and `failback` do to one group: the override and the weights to write.
//! `avoidance.rs` has `evacuate` and `return`.

use std::time::Duration;

use jiff::Timestamp;

use super::decide::decide;
use super::decision::{AnnotationChanges, Weights};
use super::group::Group;
use super::overrides::{Override, OverrideState};
use super::readiness::Readiness;
use super::timers::Timers;

/// The arguments of `force`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForceRequest {
    /// Index of the backend that gets the traffic.
    pub to: usize,
    /// When the override expires, in the API server's time; none if it never expires.
    pub until: Option<Timestamp>,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// What the override belongs to, such as a change or an incident.
    pub id: Option<String>,
    /// Who asks: user and host.
    pub by: String,
}

/// What `force` has to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForcePlan {
    /// Nothing: an override with the same target and end is in force, and the weights match.
    Unchanged,
    /// An override, and weights.
    Write {
        /// The override.
        order: Box<Override>,
        /// Where the traffic goes.
        weights: Weights,
        /// The weights to write: see [`Decision::written`](super::Decision::written).
        written: Option<Vec<u64>>,
        /// It is unknown whether the target is ready.
        unverified: bool,
        /// Other annotations to change.
        notes: AnnotationChanges,
    },
}

/// What `failback` has to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailbackPlan {
    /// Index of the backend that is the primary afterwards.
    pub home: usize,
    /// The override to remove.
    pub removes: RemovedOverride,
    /// Where the traffic goes.
    pub weights: Weights,
    /// The weights to write: see [`Decision::written`](super::Decision::written).
    pub written: Option<Vec<u64>>,
    /// It is unknown whether home is ready.
    pub unverified: bool,
    /// Other annotations to change.
    pub notes: AnnotationChanges,
    /// The reason for the weights, as a clause.
    pub why: String,
    /// The same for the object and its Events.
    pub recorded_why: String,
}

impl FailbackPlan {
    /// Whether home gets traffic.
    pub fn reaches_home(&self) -> bool {
        matches!(&self.weights, Weights::Set(weights) if weights.get(self.home).is_some_and(|weight| *weight > 0))
    }
}

/// The override that a failback removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovedOverride {
    /// One whose target is the primary.
    Valid,
    /// A broken one. The primary that the object names stays, unless it is not a backend, the
    /// operator names another home, or the last move is that of the force.
    Broken {
        /// The plan's home becomes the primary.
        sets_home: bool,
    },
    /// There is no override.
    None,
}

/// Plans to make a backend the primary by an override. The policy's delays apply to later moves,
/// not to this one.
pub fn force(
    group: &Group,
    readiness: &[Readiness],
    request: &ForceRequest,
    now: Timestamp,
) -> ForcePlan {
    let standing = group.override_in_force(now);
    let home = match (&group.order, standing) {
        (Some(OverrideState::Valid { home, .. }), Some(order)) => (*home, order.home.clone()),
        _ => {
            let before = group.at(now, readiness).primary;
            (Some(before), group.backend_name(before).to_owned())
        }
    };
    let order = Override {
        to: group.backend_name(request.to).to_owned(),
        home: home.1,
        by: request.by.clone(),
        at: Some(now),
        until: request.until,
        reason: request.reason.clone(),
        id: request.id.clone(),
    };
    let mut overridden = Group {
        primary: request.to,
        home: home.0,
        overridden: true,
        ..without_orders(group, now)
    };
    overridden.policy.failover_delay = Duration::ZERO;
    let unknown = is_unknown(&overridden, request.to, readiness);
    let decision = decide(&overridden, readiness, &Timers::none(), now);
    let (weights, unverified) = if unknown {
        (only(group, request.to), true)
    } else {
        (decision.weights, decision.unverified)
    };
    let same =
        standing.is_some_and(|standing| standing.to == order.to && standing.until == order.until);
    let written = overridden.to_write(&weights, readiness);
    if same && written.is_none() {
        return ForcePlan::Unchanged;
    }
    ForcePlan::Write {
        order: Box::new(order),
        weights,
        written,
        unverified,
        notes: decision.notes,
    }
}

/// Plans to end an override or a manual failover, and to move the traffic home. `home` is the index
/// of a home that replaces the override's. Returns none if there is no home.
///
/// `failover-delay` applies, as it does when `watch` ends an override: a failback is not an order
/// to leave a home that carries traffic and is not enough.
pub fn failback(
    group: &Group,
    readiness: &[Readiness],
    home: Option<usize>,
    now: Timestamp,
) -> Option<FailbackPlan> {
    let (removes, primary) = match &group.order {
        Some(OverrideState::Valid { home: known, .. }) => {
            (RemovedOverride::Valid, home.or(*known)?)
        }
        Some(OverrideState::Broken {
            primary_missing, ..
        }) => {
            // Traffic and primary are where the force left them.
            let home = home.or_else(|| group.home_before_force());
            (
                RemovedOverride::Broken {
                    sets_home: *primary_missing || home.is_some(),
                },
                home.unwrap_or(group.primary),
            )
        }
        None => (RemovedOverride::None, group.primary),
    };
    let ordinary = Group {
        primary,
        ..without_orders(group, now)
    };
    let decision = decide(&ordinary, readiness, &Timers::none(), now);
    // The operator has confirmed a failback to an unknown home; a broken override moves nothing.
    let is_unknown = is_unknown(&ordinary, primary, readiness)
        && !matches!(removes, RemovedOverride::Broken { .. });
    let (weights, unverified) = if is_unknown {
        (only(group, primary), true)
    } else {
        (decision.weights, decision.unverified)
    };
    // What has expired ends with it.
    let notes = AnnotationChanges {
        avoid: group.avoid_to_end(now),
        ..decision.notes
    };
    Some(FailbackPlan {
        home: primary,
        removes,
        written: ordinary.to_write(&weights, readiness),
        weights,
        unverified,
        notes,
        why: decision.reason,
        recorded_why: decision.recorded_reason,
    })
}

/// Returns the group without override, pause and expired entries of `avoid`, and without delays
/// before a failback.
fn without_orders(group: &Group, now: Timestamp) -> Group {
    let mut group = Group {
        order: None,
        paused: None,
        overridden: false,
        home: None,
        ..group.clone()
    };
    group.avoid.entries.retain(|entry| !entry.is_over(now));
    group.without_failback_delay()
}

/// Whether it is unknown if a backend that may have traffic is ready.
fn is_unknown(group: &Group, index: usize, readiness: &[Readiness]) -> bool {
    let avoided = group.avoided(&group.weights(), readiness);
    readiness.get(index).is_some_and(Readiness::is_unknown) && avoided.get(index) != Some(&true)
}

fn only(group: &Group, index: usize) -> Weights {
    let weights: Vec<u64> = (0..group.backends.len())
        .map(|i| u64::from(i == index))
        .collect();
    if group.has_weights(&weights) {
        Weights::Hold
    } else {
        Weights::Set(weights)
    }
}
