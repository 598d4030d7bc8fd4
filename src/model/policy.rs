use std::time::Duration;

/// How a group's traffic is to be shared, and when it moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub kind: PolicyKind,
    /// One share for each backend, each at least 1.
    pub shares: Vec<u64>,
    /// How many ready endpoints make the primary enough.
    pub min_ready: MinReady,
    /// How long the primary must have been short before traffic leaves it.
    pub failover_delay: Duration,
    /// How long the primary must have been enough before traffic returns to it.
    pub failback_delay: Duration,
    pub failback: Failback,
}

impl Policy {
    /// The policy of a group without policy annotations.
    pub fn of(backends: usize) -> Self {
        Self {
            kind: PolicyKind::Spread,
            shares: vec![1; backends],
            min_ready: MinReady::Count(1),
            failover_delay: Duration::ZERO,
            failback_delay: Duration::ZERO,
            failback: Failback::Auto,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// All ready fallbacks share.
    Spread,
    /// The first ready fallback in the order listed.
    Ordered,
    /// Every ready backend, the primary too, has its share.
    ActiveActive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failback {
    Auto,
    /// Traffic stays on the fallback until someone runs `failback`.
    Manual,
}

/// A threshold of ready endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinReady {
    Count(u32),
    /// 1 to 100, of the endpoints that exist.
    Percent(u8),
}

impl MinReady {
    /// How many of `total` endpoints must be ready: never fewer than one.
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
