//! What an operator's commands come to on one group: the orders and the weights that follow from them.

use std::time::Duration;

use jiff::Timestamp;

use super::decide::{Notes, Weights, decide};
use super::group::Group;
use super::overrides::{Override, OverrideState};
use super::readiness::Readiness;
use super::timers::Timers;

/// What is asked of `force`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Index of the backend that is to have the traffic.
    pub to: usize,
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
    pub by: String,
}

/// What a force comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forced {
    /// An override in force with the same target and end, and weights that agree.
    AlreadySo,
    Order {
        order: Box<Override>,
        weights: Weights,
        unverified: bool,
        notes: Notes,
    },
}

/// What a failback comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Index of the backend that is the primary from now on.
    pub home: usize,
    pub ends: Ends,
    pub weights: Weights,
    pub unverified: bool,
    /// What is no longer true among the notes on the object.
    pub notes: Notes,
    /// Why the weights are what they are, in words.
    pub why: String,
}

impl Returned {
    /// Whether home gets traffic.
    pub fn reaches_home(&self) -> bool {
        matches!(&self.weights, Weights::Set(weights) if weights.get(self.home).is_some_and(|weight| *weight > 0))
    }
}

/// What a failback ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    Override,
    /// One that said nothing any more: the primary that the object names stays, unless it is no backend or another
    /// home is named.
    BrokenOverride {
        sets_home: bool,
    },
    Nothing,
}

/// Makes a backend the primary by order. The delays of the group's policy hold for later moves, not for this one.
pub fn force(group: &Group, readiness: &[Readiness], wish: &Wish, now: Timestamp) -> Forced {
    let standing = group.override_in_force(now);
    let home = match (&group.order, standing) {
        (Some(OverrideState::Standing { home, .. }), Some(order)) => (*home, order.home.clone()),
        _ => {
            let before = group.at(now, readiness).primary;
            (Some(before), group.backend_name(before).to_owned())
        }
    };
    let order = Override {
        to: group.backend_name(wish.to).to_owned(),
        home: home.1,
        by: wish.by.clone(),
        at: Some(now),
        until: wish.until,
        reason: wish.reason.clone(),
    };
    let mut overridden = Group {
        primary: wish.to,
        home: home.0,
        overridden: true,
        ..without_orders(group)
    };
    overridden.policy.failover_delay = Duration::ZERO;
    let unknown = readiness.get(wish.to).is_some_and(Readiness::is_unknown);
    let decision = decide(&overridden, readiness, &Timers::none(), now);
    let (weights, unverified) = if unknown {
        (only(group, wish.to), true)
    } else {
        (decision.weights, decision.unverified)
    };
    let same =
        standing.is_some_and(|standing| standing.to == order.to && standing.until == order.until);
    if same && weights == Weights::Hold {
        return Forced::AlreadySo;
    }
    Forced::Order {
        order: Box::new(order),
        weights,
        unverified,
        notes: decision.notes,
    }
}

/// Ends an override or a stay on a fallback, and moves the traffic home. A `failover-delay` holds, as it does when
/// the loop ends an override: this is no order to leave a home that carries and is not enough. `home` names another home than the
/// override does; none where the override has no home that is a backend, and none is named.
pub fn failback(
    group: &Group,
    readiness: &[Readiness],
    home: Option<usize>,
    now: Timestamp,
) -> Option<Returned> {
    let (ends, primary) = match &group.order {
        Some(OverrideState::Standing { home: known, .. }) => (Ends::Override, home.or(*known)?),
        Some(OverrideState::Broken { primary_lost, .. }) => (
            Ends::BrokenOverride {
                sets_home: *primary_lost || home.is_some(),
            },
            home.unwrap_or(group.primary),
        ),
        None => (Ends::Nothing, group.primary),
    };
    let ordinary = Group {
        primary,
        ..without_orders(group)
    };
    let decision = decide(&ordinary, readiness, &Timers::none(), now);
    // Who goes home without knowing that it is ready has said so; a broken override moves nothing.
    let blindly = readiness.get(primary).is_some_and(Readiness::is_unknown)
        && !matches!(ends, Ends::BrokenOverride { .. });
    let (weights, unverified) = if blindly {
        (only(group, primary), true)
    } else {
        (decision.weights, decision.unverified)
    };
    Some(Returned {
        home: primary,
        ends,
        weights,
        unverified,
        notes: decision.notes,
        why: decision.reason,
    })
}

/// The group without orders, and with nothing that delays a move to its primary.
fn without_orders(group: &Group) -> Group {
    Group {
        order: None,
        paused: None,
        overridden: false,
        home: None,
        ..group.clone()
    }
    .without_failback_delay()
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
