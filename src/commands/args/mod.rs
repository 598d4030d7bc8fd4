//! What several commands do with their arguments.

pub mod absent;
pub mod conditions;
pub mod contexts;
pub mod policy;
pub mod query;
pub mod selection;
pub mod targets;
