//! One group as it stands: what `status` shows and conditions are tried on.

use jiff::Timestamp;

use super::decide::decide;
use super::group::{Group, GroupId, Invalid};
use super::moves::LastMove;
use super::overrides::{Override, OverrideState, Pause};
use super::readiness::Readiness;
use super::report;
use super::report::{Flags, State};
use super::timers::Timers;

/// One group as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub id: GroupId,
    pub apex: String,
    pub state: State,
    pub flags: Flags,
    /// Why the state is what it is, without a full stop.
    pub reason: String,
    /// How to mend what can't be a group.
    pub mend: Option<String>,
    /// The keys of its policy whose values are not allowed, where that is what keeps it from being a group.
    pub bad_settings: Vec<&'static str>,
    /// Name of the primary, where the object is a group.
    pub primary: Option<String>,
    pub backends: Vec<BackendStatus>,
    pub changed: Changed,
    /// The override on the object, in force or not.
    pub order: Option<OrderStatus>,
    pub paused: Option<Pause>,
    pub runner: Runner,
    /// The backend that was home before a force whose override was taken away by hand.
    pub forgotten_home: Option<String>,
    /// Why the object may have no effect, or not on all the traffic, or may not mean what it says.
    pub warnings: Vec<String>,
}

/// An override, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderStatus {
    InForce(Override),
    /// Its time is over, and nobody has ended it.
    Over(Override),
    /// It is in force without an end, since it does not say which backend is home.
    Homeless(Override),
    /// It says nothing any more.
    Broken {
        why: String,
        /// What it said, where it can be read.
        order: Option<Override>,
        /// Who last wrote it or the primary, other than this tool; a hint, from field managers.
        edited_by: Option<String>,
    },
}

/// An order whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOver {
    Override,
    Pause,
}

impl OrderStatus {
    fn of(group: &Group, now: Timestamp) -> Option<Self> {
        Some(match group.order.as_ref()? {
            OverrideState::Broken { why, order, .. } => Self::Broken {
                why: why.clone(),
                order: order.clone(),
                edited_by: None,
            },
            OverrideState::Standing { order, home: None } => Self::Homeless(order.clone()),
            OverrideState::Standing { order, .. } if group.override_in_force(now).is_some() => {
                Self::InForce(order.clone())
            }
            OverrideState::Standing { order, .. } => Self::Over(order.clone()),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendStatus {
    pub name: String,
    pub weight: u64,
    pub readiness: Readiness,
}

/// How the weights came to be what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// By a move that is noted on the object.
    Moved(LastMove),
    /// By someone who noted nothing; the field managers of the object give a hint.
    Edited { by: String, at: Timestamp },
    /// As the object was made, for all that is known.
    Created(Option<Timestamp>),
}

/// Who runs a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    Held(String),
    /// Linkerd's own failover controller runs it.
    Upstream,
    Nobody,
    /// Leases can't be read.
    Unknown,
}

/// Said of a group that is paused where that controller runs it.
pub const UPSTREAM_IGNORES_PAUSES: &str = "Linkerd's failover controller runs this group and knows nothing of pauses: it goes on moving the traffic";

impl Status {
    /// How a group stands, with the readiness of each of its backends.
    pub fn of(
        group: &Group,
        readiness: &[Readiness],
        changed: Changed,
        runner: Runner,
        now: Timestamp,
    ) -> Self {
        let decision = decide(group, readiness, &Timers::none(), now);
        let mut warnings: Vec<String> = group
            .forgotten_home()
            .map(|_| forgotten(group))
            .into_iter()
            .collect();
        if runner == Runner::Upstream && decision.state == State::Paused {
            warnings.push(UPSTREAM_IGNORES_PAUSES.to_owned());
        }
        let backend = |(index, readiness): (usize, &Readiness)| BackendStatus {
            name: group.backend_name(index).to_owned(),
            weight: group
                .backends
                .get(index)
                .map_or(0, |backend| backend.weight),
            readiness: readiness.clone(),
        };
        Self {
            id: group.id.clone(),
            apex: group.apex.clone(),
            state: decision.state,
            flags: Flags {
                unattended: runner == Runner::Nobody,
                ..decision.flags
            },
            reason: match decision.state {
                State::OutOfSync => report::out_of_sync(group, &decision),
                _ => decision.reason,
            },
            mend: None,
            bad_settings: Vec::new(),
            primary: Some(group.at(now, readiness).primary_name().to_owned()),
            backends: readiness.iter().enumerate().map(backend).collect(),
            changed,
            order: OrderStatus::of(group, now),
            paused: group.paused.clone(),
            runner,
            forgotten_home: group.forgotten_home().map(str::to_owned),
            warnings,
        }
    }

    /// How an object stands that can't be a group.
    pub fn invalid(
        id: GroupId,
        apex: String,
        invalid: Invalid,
        changed: Changed,
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
            paused: None,
            changed,
            runner,
            forgotten_home: None,
            warnings: Vec::new(),
        }
    }

    /// What is over, and has not been ended.
    pub fn left_over(&self) -> Option<LeftOver> {
        if self.state != State::OutOfSync {
            return None;
        }
        match &self.order {
            Some(OrderStatus::Over(_)) => Some(LeftOver::Override),
            _ => self.paused.as_ref().map(|_| LeftOver::Pause),
        }
    }

    /// The backends that carry traffic.
    pub fn active(&self) -> Vec<&str> {
        self.backends
            .iter()
            .filter(|backend| backend.weight > 0)
            .map(|backend| backend.name.as_str())
            .collect()
    }
}

fn forgotten(group: &Group) -> String {
    let target = group.primary_name();
    format!("it was forced to {target}, and the order is gone: {target} counts as the primary now")
}
