//! What a failover group is and how it decides. Pure: no I/O, no clock of its own, no Kubernetes types.

pub mod check;
pub mod condition;
pub mod decide;
pub mod group;
pub mod history;
pub mod limits;
pub mod mirror;
pub mod moves;
pub mod notice;
pub mod operate;
pub mod overrides;
pub mod policy;
pub mod readiness;
pub mod report;
pub mod rivals;
pub mod status;
pub mod status_change;
pub mod timers;

pub use condition::Condition;
pub use decide::{Decision, Rule, Weights, decide};
pub use group::{Backend, Carrier, Group, GroupId, Invalid, ServiceRef};
pub use limits::MaxMoves;
pub use mirror::{Member, Mirror, RemoteService};

pub use moves::LastMove;
pub use notice::{Notice, Transition};
pub use overrides::{Override, OverrideState, Pause};
pub use policy::{Failback, MinReady, Policy, PolicyKind};
pub use readiness::{Readiness, WhyUnknown};
pub use report::{Flags, State};
pub use rivals::{ApexClaim, ApexClaims};
pub use status::{
    BackendStatus, Changed, LeftOver, OrderStatus, Runner, Status, UPSTREAM_IGNORES_PAUSES,
};
pub use status_change::StatusChange;
pub use timers::{Stopwatches, Timers};
