//! The policy of a group: how backends share the traffic, and when it moves.

use std::time::Duration;

/// How a group's backends share the traffic, and when it moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Which of the ready backends get traffic.
    pub kind: PolicyKind,
    /// One share for each backend, from 1 to 1,000,000.
    pub shares: Vec<u64>,
    /// How many ready endpoints make the primary enough.
    pub min_ready: MinReady,
    /// How long the primary must have been short before traffic leaves it.
    pub failover_delay: Duration,
    /// How long the primary must have been enough before traffic returns to it.
    pub failback_delay: Duration,
    /// Whether traffic returns to the primary by itself.
    pub failback: Failback,
    /// How many ready endpoints the primary needs to get its traffic back; none: `min_ready`.
    pub failback_ready: Option<MinReady>,
    /// Whether backends that carry nothing keep a tiny weight, so that the proxies fail over
    /// themselves.
    pub standby: bool,
}

impl Policy {
    /// Returns the policy of a group with this many backends and no policy annotations.
    pub fn of(backends: usize) -> Self {
        Self {
            kind: PolicyKind::Spread,
            shares: vec![1; backends],
            min_ready: MinReady::Count(1),
            failover_delay: Duration::ZERO,
            failback_delay: Duration::ZERO,
            failback: Failback::Auto,
            failback_ready: None,
            standby: false,
        }
    }
}

/// Which of the ready backends get traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// The primary or, while it is not enough, all ready fallbacks by share.
    Spread,
    /// The primary or, while it is not enough, the first ready fallback in the order listed.
    Ordered,
    /// Every ready backend by share, the primary included.
    ActiveActive,
}

impl PolicyKind {
    /// Returns its name in annotations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::Ordered => "ordered",
            Self::ActiveActive => "active-active",
        }
    }
}

/// Whether traffic returns to the primary by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failback {
    /// It returns once the primary has been enough for `failback-delay`.
    Auto,
    /// It stays on the fallback until someone runs `failback`.
    Manual,
}

/// A threshold of ready endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinReady {
    /// This many endpoints, at least 1.
    Count(u32),
    /// This percentage of the endpoints that exist, from 1 to 100, rounded up.
    Percent(u8),
}

impl MinReady {
    /// Returns how many of `total` endpoints must be ready, at least one.
    pub fn needed(self, total: u32) -> u32 {
        match self {
            Self::Count(count) => count.max(1),
            Self::Percent(percent) => {
                let needed = (u64::from(total) * u64::from(percent)).div_ceil(100);
                u32::try_from(needed).unwrap_or(u32::MAX).max(1)
            }
        }
    }
}
