//! The status of one group. `status` shows it, and conditions are evaluated on it.

use std::time::Duration;

use jiff::Timestamp;

use super::ailment::Ailment;
use super::avoid::AvoidEntry;
use super::avoid_status::{AvoidEffect, AvoidStatus};
use super::decide::Decider;
use super::decision::{Decision, Rule};
use super::down;
use super::due::{DueWrite, WRITE_GRACE};
use super::group::{Backend, Group};
use super::ids::{GroupId, ServiceRef};
use super::invalid::Invalid;
use super::moves::{LastMove, LastReturn};
use super::overrides::{Override, OverrideState, Pause};
use super::readiness::Readiness;
use super::report;
use super::runner::Runner;
use super::situation::Situation;
use super::state::{Flags, State};
use super::timers::Timers;

/// The status of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The object that carries the group.
    pub id: GroupId,
    /// Name of the Service that clients call.
    pub apex: String,
    /// The state.
    pub state: State,
    /// The flags.
    pub flags: Flags,
    /// The reason for the state, as a clause without a full stop.
    pub reason: String,
    /// How to fix an Invalid group, as an imperative clause.
    pub mend: Option<String>,
    /// Keys of the policy annotations with invalid values, if those make the group Invalid.
    pub bad_settings: Vec<&'static str>,
    /// Name of the primary; none if the group is Invalid.
    pub primary: Option<String>,
    /// The backends, in the order that the object lists them; empty if the group is Invalid.
    pub backends: Vec<BackendStatus>,
    /// What set the weights.
    pub changed: WeightsOrigin,
    /// Since when it is in this state; none if unknown.
    pub since: Option<Timestamp>,
    /// What it waits for, in state Waiting.
    pub wait: Option<Wait>,
    /// The override on the object, in force or not.
    pub order: Option<OverrideStatus>,
    /// The entries of `avoid` on the object, in force or not.
    pub avoid: Vec<AvoidStatus>,
    /// The last evacuation that was ended, if none was ordered since.
    pub last_return: Option<LastReturn>,
    /// The pause on the object, whether it has expired or not.
    pub paused: Option<Pause>,
    /// Who runs the group.
    pub runner: Runner,
    /// What the group's controller should be about to write.
    pub due: Option<DueWrite>,
    /// The home of a force whose override was deleted by hand.
    pub forgotten_home: Option<String>,
    /// Why the object may have no effect, or only on part of the traffic.
    pub warnings: Vec<String>,
}

/// An override, and whether it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideStatus {
    /// It is in force.
    InForce(Override),
    /// It has expired, and has not been removed yet.
    Expired(Override),
    /// It is in force and never expires, since its home is missing or not a backend.
    WithoutHome(Override),
    /// It has no effect.
    Broken {
        /// The reason, as a clause.
        why: String,
        /// The override; none if the annotation cannot be parsed.
        order: Option<Override>,
        /// The field manager, other than this tool's, that last wrote it or the primary: a hint.
        edited_by: Option<String>,
    },
}

/// A delay that keeps traffic from moving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// `failover-delay` or `failback-delay`.
    pub setting: &'static str,
    /// The delay.
    pub delay: Duration,
}

impl Wait {
    fn of(group: &Group, decision: &Decision) -> Option<Self> {
        if decision.state != State::Waiting {
            return None;
        }
        let (setting, delay) = match decision.rule {
            Rule::FailoverDelayed => ("failover-delay", group.policy.failover_delay),
            _ => ("failback-delay", group.policy.failback_delay),
        };
        (!delay.is_zero()).then_some(Self { setting, delay })
    }
}

/// An order that has expired, and should be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiredOrder {
    /// The override.
    Override,
    /// An entry of `avoid`.
    Avoid,
    /// The pause.
    Pause,
}

impl OverrideStatus {
    fn of(group: &Group, now: Timestamp) -> Option<Self> {
        Some(match group.order.as_ref()? {
            OverrideState::Broken { why, order, .. } => Self::Broken {
                why: why.clone(),
                order: order.clone(),
                edited_by: None,
            },
            OverrideState::Valid { order, home: None } => Self::WithoutHome(order.clone()),
            OverrideState::Valid { order, .. } if group.override_in_force(now).is_some() => {
                Self::InForce(order.clone())
            }
            OverrideState::Valid { order, .. } => Self::Expired(order.clone()),
        })
    }
}

/// The status of one backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendStatus {
    /// The name in annotations.
    pub name: String,
    /// The weight that carries traffic.
    pub weight: u64,
    /// The weight on the object, that of a standby included.
    pub weight_on_object: u64,
    /// The readiness.
    pub readiness: Readiness,
    /// Since when it is ready, or not ready; none if unknown.
    pub since: Option<Timestamp>,
    /// Why its pods are not ready, if somebody looked.
    pub ailment: Option<Ailment>,
}

impl BackendStatus {
    /// Returns the Service of a backend of a group in this namespace.
    pub fn service(&self, namespace: &str) -> ServiceRef {
        match self.name.split_once('/') {
            Some((namespace, name)) => ServiceRef::new(namespace, name),
            None => ServiceRef::new(namespace, &self.name),
        }
    }

    /// Whether it carries nothing but stands by.
    pub fn is_standby(&self) -> bool {
        self.weight == 0 && self.weight_on_object > 0
    }
}

/// What set the weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightsOrigin {
    /// The move that is recorded on the object.
    Moved(LastMove),
    /// An edit that recorded nothing; the object's field managers hint at it.
    Edited {
        /// The field manager.
        by: String,
        /// When it wrote last.
        at: Timestamp,
    },
    /// No move and no edit is known since the object was created.
    Created(Option<Timestamp>),
}

/// Why nothing would take the place of a backend that carries traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// Every fallback is dead.
    NoFallback,
    /// A fallback is ready, but no `watch` is running, and no ready backend has a weight of its own.
    NoWatch,
}

/// The warning of an evacuated group that Linkerd's own failover controller runs.
const UPSTREAM_IGNORES_AVOID: &str = "Linkerd's failover controller runs this group and ignores evacuations: it may send the traffic back";

/// The warning of a group with standbys that Linkerd's own failover controller runs.
const UPSTREAM_REMOVES_STANDBYS: &str = "Linkerd's failover controller runs this group and writes only the weights 0 and 1: when it moves \
                                         the traffic, no backend stands by any more";

/// The warning of a paused group that Linkerd's own failover controller runs.
pub const UPSTREAM_IGNORES_PAUSES: &str =
    "Linkerd's failover controller runs this group and ignores pauses: it still moves the traffic";

impl Status {
    /// Returns the status of a group at `now`, the API server's time. `readiness` has one entry for
    /// each backend.
    pub fn of(
        group: &Group,
        readiness: &[Readiness],
        changed: WeightsOrigin,
        runner: Runner,
        now: Timestamp,
    ) -> Self {
        let decider = Decider::new(group, readiness, now);
        let decision = decider.decide(&Timers::none());
        let mut warnings: Vec<String> = group
            .forgotten_home()
            .map(|_| forgotten(group))
            .into_iter()
            .collect();
        if runner == Runner::Upstream && decision.state == State::Paused {
            warnings.push(UPSTREAM_IGNORES_PAUSES.to_owned());
        }
        if runner == Runner::Upstream && group.policy.standby {
            warnings.push(UPSTREAM_REMOVES_STANDBYS.to_owned());
        }
        if runner == Runner::Upstream && decision.flags.avoiding {
            warnings.push(UPSTREAM_IGNORES_AVOID.to_owned());
        }
        if let Some(why) = &group.avoid.broken {
            warnings.push(format!("{why}, so no backend is avoided"));
        }
        let wait = Wait::of(group, &decision);
        let backend = |(backend, readiness): (&Backend, &Readiness)| BackendStatus {
            name: backend.name.clone(),
            weight: backend.weight,
            weight_on_object: backend.weight_on_object,
            readiness: readiness.clone(),
            since: None,
            ailment: None,
        };
        let situation = Situation::new(decider.effective(), readiness);
        let is_unattended = runner == Runner::Unattended;
        let (state, reason) = if decision.down_unless_moved && is_unattended {
            (State::Down, down::reason(&situation, &runner))
        } else if decision.state == State::OutOfSync {
            (State::OutOfSync, report::out_of_sync(group, &decision))
        } else {
            (decision.state, decision.reason.clone())
        };
        let mut status = Self {
            id: group.id.clone(),
            apex: group.apex.clone(),
            state,
            flags: Flags {
                unattended: is_unattended,
                ..decision.flags
            },
            reason,
            mend: None,
            bad_settings: Vec::new(),
            primary: Some(decider.effective().primary_name().to_owned()),
            backends: group.backends.iter().zip(readiness).map(backend).collect(),
            changed,
            since: None,
            wait,
            order: OverrideStatus::of(group, now),
            avoid: AvoidStatus::of(&group.avoid.entries, &situation, now),
            last_return: group.last_return.clone(),
            paused: group.paused.clone(),
            due: due(&situation, &decision, &runner),
            runner,
            forgotten_home: group.forgotten_home().map(str::to_owned),
            warnings,
        };
        status.flags.exposed = status.exposure().is_some();
        status
    }

    /// Returns the status if the change that is due has not been written in time.
    #[must_use]
    pub fn overdue(mut self) -> Self {
        if let Some(DueWrite {
            down: Some(reason), ..
        }) = self.due.take()
        {
            self.state = State::Down;
            self.reason = reason;
            self.since = self.state_since(None);
        }
        self
    }

    /// Returns why nothing would take the place of the primary, if that carries traffic and is
    /// ready.
    pub fn exposure(&self) -> Option<Exposure> {
        self.exposure_if(self.runner == Runner::Unattended)
    }

    /// The same if nobody runs the group, or somebody does.
    pub(crate) fn exposure_if(&self, is_unattended: bool) -> Option<Exposure> {
        let is_primary = |backend: &&BackendStatus| Some(&backend.name) == self.primary.as_ref();
        let (primary, fallbacks): (Vec<_>, Vec<_>) = self.backends.iter().partition(is_primary);
        let is_served =
            |backend: &&BackendStatus| backend.weight > 0 && backend.readiness.is_ready();
        if !primary.iter().any(is_served) {
            return None;
        }
        let mut alive = fallbacks
            .iter()
            .filter(|it| !it.readiness.is_dead())
            .peekable();
        if alive.peek().is_none() {
            return Some(Exposure::NoFallback);
        }
        // The proxies send the traffic to what has a weight and endpoints.
        let is_alone = alive.all(|fallback| fallback.weight_on_object == 0);
        (is_unattended && is_alone).then_some(Exposure::NoWatch)
    }

    /// Returns the status of an object that is not a valid group.
    pub fn invalid(
        id: GroupId,
        apex: String,
        invalid: Invalid,
        changed: WeightsOrigin,
        runner: Runner,
    ) -> Self {
        Self {
            id,
            apex,
            state: State::Invalid,
            flags: Flags::default(),
            reason: invalid.reason,
            mend: Some(invalid.mend),
            bad_settings: invalid.settings,
            primary: None,
            backends: Vec::new(),
            order: None,
            avoid: Vec::new(),
            last_return: None,
            paused: None,
            changed,
            since: None,
            due: None,
            wait: None,
            runner,
            forgotten_home: None,
            warnings: Vec::new(),
        }
    }

    /// Returns the order that has expired but has not been removed.
    pub fn expired_order(&self) -> Option<ExpiredOrder> {
        if !matches!(self.state, State::Down | State::OutOfSync) {
            return None;
        }
        match &self.order {
            Some(OverrideStatus::Expired(_)) => Some(ExpiredOrder::Override),
            _ if self.expired_avoid().is_some() => Some(ExpiredOrder::Avoid),
            _ => self.paused.as_ref().map(|_| ExpiredOrder::Pause),
        }
    }

    /// Returns the first entry of `avoid` that has expired but has not been removed.
    pub fn expired_avoid(&self) -> Option<&AvoidEntry> {
        let mut entries = self.avoid.iter();
        let expired = entries.find(|it| it.effect == AvoidEffect::Expired);
        expired.map(|it| &it.entry)
    }

    /// Returns the entry that keeps the traffic off this backend.
    pub fn avoids(&self, backend: &str) -> Option<&AvoidEntry> {
        let mut entries = self.avoid.iter().map(|it| (&it.entry, it.effect));
        let avoids =
            |it: &(&AvoidEntry, AvoidEffect)| it.1 == AvoidEffect::InForce && it.0.names(backend);
        entries.find(avoids).map(|(entry, _)| entry)
    }

    /// Returns the entry that keeps the traffic off the primary.
    pub fn avoids_primary(&self) -> Option<&AvoidEntry> {
        self.avoids(self.primary.as_deref()?)
    }

    /// Returns the names of the backends that carry traffic.
    pub fn active(&self) -> Vec<&str> {
        self.backends
            .iter()
            .filter(|backend| backend.weight > 0)
            .map(|backend| backend.name.as_str())
            .collect()
    }

    /// Returns the backends to which Linkerd's proxies send the traffic now, although they only stand
    /// by: nothing that carries it has endpoints.
    pub fn stepped_in(&self) -> Vec<&str> {
        let mut carrying = self.backends.iter().filter(|backend| backend.weight > 0);
        if !carrying.all(|backend| backend.readiness.is_dead()) {
            return Vec::new();
        }
        let backends = self.backends.iter();
        backends
            .filter(|backend| backend.is_standby() && backend.readiness.is_ready())
            .map(|backend| backend.name.as_str())
            .collect()
    }

    /// Whether a backend is ready.
    pub fn has_ready_backend(&self) -> bool {
        let mut backends = self.backends.iter();
        backends.any(|backend| backend.readiness.is_ready())
    }

    /// Returns the names of the backends.
    pub fn backend_names(&self) -> Vec<&str> {
        self.backends
            .iter()
            .map(|backend| backend.name.as_str())
            .collect()
    }
}

/// Returns what the controller should be about to write, unless there is none.
fn due(situation: &Situation, decision: &Decision, runner: &Runner) -> Option<DueWrite> {
    let is_down = decision.down_unless_moved;
    let delay = decision.look_again.filter(|_| decision.waiting && is_down);
    let is_due = decision.is_out_of_sync() && (is_down || decision.state == State::OutOfSync);
    if *runner == Runner::Unattended || (!is_due && delay.is_none()) {
        return None;
    }
    Some(DueWrite {
        within: delay.unwrap_or_default() + WRITE_GRACE,
        is_delayed: !is_due,
        down: is_down.then(|| down::reason(situation, runner)),
    })
}

fn forgotten(group: &Group) -> String {
    let target = group.primary_name();
    format!(
        "someone deleted the override while it was forced to {target}, so {target} is now its \
         primary"
    )
}
