//! The label and the annotations that make an object a group.

/// Of every label and annotation of a group.
pub const PREFIX: &str = "failover.linkerd.io/";
/// Who runs the group; its presence makes an object a group.
pub const CONTROLLED_BY: &str = "failover.linkerd.io/controlled-by";
/// The annotations, without the prefix.
pub const PRIMARY_SERVICE: &str = "primary-service";
pub const PAUSED: &str = "paused";
pub const HELD: &str = "held";
pub const LAST_MOVE: &str = "last-move";
/// An operator's standing order, as JSON.
pub const OVERRIDE: &str = "override";
pub const POLICY: &str = "policy";
pub const WEIGHTS: &str = "weights";
pub const MIN_READY: &str = "min-ready";
pub const FAILOVER_DELAY: &str = "failover-delay";
pub const FAILBACK_DELAY: &str = "failback-delay";
pub const FAILBACK: &str = "failback";
/// Those that make up a policy.
pub const POLICY_KEYS: [&str; 6] = [
    POLICY,
    WEIGHTS,
    MIN_READY,
    FAILOVER_DELAY,
    FAILBACK_DELAY,
    FAILBACK,
];
