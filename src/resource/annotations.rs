//! The label and the annotations that make an object a group.

use std::collections::BTreeMap;

/// Annotations of Linkerd's own, by full key; none as the value removes one.
pub type LinkerdAnnotations = BTreeMap<&'static str, Option<String>>;

/// The prefix of every label and annotation of a group.
pub const PREFIX: &str = "failover.linkerd.io/";
/// The label that makes an object a group; its value names the controller that runs it. See
/// <https://github.com/linkerd/linkerd-failover>.
pub const CONTROLLED_BY: &str = "failover.linkerd.io/controlled-by";
/// The annotation, without the prefix like all below, that names the primary.
pub const PRIMARY_SERVICE: &str = "primary-service";
/// The annotation of a pause, as JSON.
pub const PAUSED: &str = "paused";
/// The annotation that says since when `failback: manual` has kept traffic away.
pub const HELD: &str = "held";
/// The annotation of the last move, as JSON.
pub const LAST_MOVE: &str = "last-move";
/// The annotation of the last evacuation that was ended, as JSON.
pub const LAST_RETURN: &str = "last-return";
/// The annotation of an override, as JSON.
pub const OVERRIDE: &str = "override";
/// The annotation of the backends that traffic keeps off, as a JSON list.
pub const AVOID: &str = "avoid";
/// The annotation of an object that took a group over from an object of another kind, as JSON.
pub const MIGRATED_FROM: &str = "migrated-from";
/// The annotation of the policy's kind.
pub const POLICY: &str = "policy";
/// The annotation of the backends' shares.
pub const WEIGHTS: &str = "weights";
/// The annotation of the primary's threshold.
pub const MIN_READY: &str = "min-ready";
/// The annotation of the delay before a failover.
pub const FAILOVER_DELAY: &str = "failover-delay";
/// The annotation of the delay before a failback.
pub const FAILBACK_DELAY: &str = "failback-delay";
/// The annotation that says whether traffic returns to the primary by itself.
pub const FAILBACK: &str = "failback";
/// The annotation of the threshold for getting traffic back.
pub const FAILBACK_READY: &str = "failback-ready";
/// The annotation that lets backends without traffic stand by.
pub const STANDBY: &str = "standby";
/// The annotations that make up a policy.
pub const POLICY_KEYS: [&str; 8] = [
    POLICY,
    WEIGHTS,
    MIN_READY,
    FAILOVER_DELAY,
    FAILBACK_DELAY,
    FAILBACK,
    FAILBACK_READY,
    STANDBY,
];
