pub mod conditions;
pub mod contexts;
pub mod policy;
pub mod selection;
