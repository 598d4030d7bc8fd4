//! The state and the flags of a group, as `status` shows them.

use std::fmt;

use serde::Serialize;

/// A group's state: the first of these that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum State {
    /// The object is not a valid group; its traffic is left alone.
    Invalid,
    /// An operator has paused the group.
    Paused,
    /// All that carries traffic is dead, another backend is ready, and nobody is about to move the
    /// traffic. Not part of a decision: who knows about the group's controller adds it.
    Down,
    /// The primary's readiness is unknown, or no carrying backend is ready and one is unknown.
    Unknown,
    /// No backend is ready.
    Unavailable,
    /// Weights or annotations are not what the rules ask for.
    OutOfSync,
    /// Only a delay keeps traffic from moving.
    Waiting,
    /// The primary (under an override, its target) carries no traffic.
    Failover,
    /// An override is in force, and its target carries the traffic.
    Overridden,
    /// `active-active`, and the traffic is where it should be.
    Active,
    /// The primary carries the traffic.
    Primary,
}

impl State {
    /// All states, in the order in which they are tried.
    pub const ALL: [Self; 11] = [
        Self::Invalid,
        Self::Paused,
        Self::Down,
        Self::Unknown,
        Self::Unavailable,
        Self::OutOfSync,
        Self::Waiting,
        Self::Failover,
        Self::Overridden,
        Self::Active,
        Self::Primary,
    ];

    /// All states, the one that needs attention most urgently first.
    pub const BY_URGENCY: [Self; 11] = [
        Self::Down,
        Self::Unavailable,
        Self::Invalid,
        Self::Unknown,
        Self::OutOfSync,
        Self::Failover,
        Self::Waiting,
        Self::Overridden,
        Self::Paused,
        Self::Active,
        Self::Primary,
    ];

    /// Returns the position in [`State::BY_URGENCY`].
    pub fn urgency_rank(self) -> usize {
        let mut states = Self::BY_URGENCY.into_iter();
        states.position(|state| state == self).unwrap_or_default()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Invalid => "Invalid",
            Self::Paused => "Paused",
            Self::Down => "Down",
            Self::Unknown => "Unknown",
            Self::Unavailable => "Unavailable",
            Self::OutOfSync => "OutOfSync",
            Self::Waiting => "Waiting",
            Self::Failover => "Failover",
            Self::Overridden => "Overridden",
            Self::Active => "Active",
            Self::Primary => "Primary",
        })
    }
}

/// Properties of a group that do not depend on its state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// An override is in force.
    pub overridden: bool,
    /// There is an override, or an order to avoid backends, that has no effect.
    pub broken: bool,
    /// Traffic is, or is about to be, on backends whose readiness is unknown.
    pub unverified: bool,
    /// `failback: manual` keeps traffic on a fallback.
    pub held: bool,
    /// The traffic keeps off a backend by an order, as `evacuate` gives it.
    pub avoiding: bool,
    /// The primary is known to have fewer ready endpoints than it needs.
    pub short: bool,
    /// A ready backend carries no traffic, or two ready ones carry it.
    pub redundant: bool,
    /// A backend stands by: Linkerd's proxies send it the traffic when nothing that carries it has
    /// endpoints.
    pub standby: bool,
    /// No `watch` runs the group. Not part of a decision: it is added when the group is shown.
    pub unattended: bool,
    /// Someone else reverts weights that this tool writes. Not part of a decision either.
    pub contested: bool,
    /// The primary carries traffic and is ready, but nothing would take its place: no fallback is
    /// ready, or neither a `watch` nor Linkerd's proxies would fail over. Not part of a decision
    /// either.
    pub exposed: bool,
}

impl Flags {
    /// The names of all flags.
    pub const NAMES: [&'static str; 11] = [
        "overridden",
        "broken",
        "unverified",
        "held",
        "avoiding",
        "short",
        "redundant",
        "standby",
        "unattended",
        "contested",
        "exposed",
    ];

    /// Returns the names of the flags that are set.
    pub fn names(self) -> Vec<&'static str> {
        let Self {
            overridden,
            broken,
            unverified,
            held,
            avoiding,
            short,
            redundant,
            standby,
            unattended,
            contested,
            exposed,
        } = self;
        let set = [
            overridden, broken, unverified, held, avoiding, short, redundant, standby, unattended,
            contested, exposed,
        ];
        Self::NAMES
            .into_iter()
            .zip(set)
            .filter_map(|(name, set)| set.then_some(name))
            .collect()
    }
}
