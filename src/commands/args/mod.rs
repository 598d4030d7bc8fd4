//! The handling of arguments that several commands share.

pub mod absent;
pub mod conditions;
pub mod contexts;
pub mod elsewhere;
pub mod evacuated;
pub mod forces;
pub mod members;
pub mod policy;
pub mod query;
pub mod resilience;
pub mod selection;
pub mod targets;
