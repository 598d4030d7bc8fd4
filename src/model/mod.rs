//! The domain: failover groups, and the rules that decide on their traffic. Pure: no I/O, no clock,
//! no Kubernetes types.

#![warn(missing_docs)]

pub mod ailment;
pub mod avoid;
pub mod avoid_status;
pub mod avoidance;
mod avoided;
pub mod by_cluster;
pub mod check;
pub mod cluster_name;
pub mod condition;
pub mod decide;
pub mod decision;
mod down;
pub mod due;
mod effective;
pub mod evacuation;
pub mod evacuations;
pub mod event;
#[cfg(test)]
pub mod fixtures;
pub mod fold;
pub mod group;
pub mod histogram;
pub mod history;
pub mod ids;
pub mod invalid;
pub mod limits;
pub mod mirror;
pub mod mirror_side;
pub mod moves;
pub mod notice;
pub mod operate;
pub mod outages;
pub mod overrides;
pub mod policy;
pub mod readiness;
mod report;
pub mod residence;
pub mod return_threshold;
pub mod rivals;
pub mod roles;
pub mod runner;
pub mod since;
mod situation;
pub mod standby;
pub mod state;
pub mod status;
pub mod status_change;
pub mod timers;
pub mod traffic;
pub mod traffic_condition;
pub mod traffic_findings;
pub mod transition;
pub mod unhandled;
pub mod unknown;
pub mod weights;

pub use ailment::{Ailment, Kubectl};
pub use avoid::{Avoid, AvoidChange, AvoidEntry};
pub use avoid_status::{AvoidEffect, AvoidStatus};
pub use cluster_name::{ClusterName, ClusterNameSource, ContextClues};
pub use condition::Condition;
pub use decide::{Decider, decide};
pub use decision::{Decision, Rule, Weights};
pub use due::DueWrite;
pub use event::{EventKind, GroupEvent};
pub use group::{Backend, Group};
pub use ids::{Destination, GroupId, RemoteService, ServiceRef};
pub use invalid::Invalid;
pub use limits::MaxMoves;
pub use mirror::{Member, Mirror};
pub use mirror_side::MirrorSide;
pub use moves::{LastMove, LastReturn};
pub use notice::Notice;
pub use overrides::{Override, OverrideState, Pause};
pub use policy::{Failback, MinReady, Policy, PolicyKind};
pub use readiness::Readiness;
pub use residence::{Membership, Residence};
pub use rivals::{ApexClaim, ApexClaims, share_ports};
pub use runner::{LateWatch, Runner};
pub use state::{Flags, State};
pub use status::{
    BackendStatus, ExpiredOrder, Exposure, OverrideStatus, Status, UPSTREAM_IGNORES_PAUSES, Wait,
    WeightsOrigin,
};
pub use status_change::StatusChange;
pub use timers::{Stopwatches, Timers};
pub use traffic_condition::TrafficCondition;
pub use transition::Transition;
pub use unhandled::Finding;
pub use unknown::{ReadinessSource, WhyUnknown};
pub use weights::Carrier;
