//! The reconcile engine: receives events with their times, and returns the effects to carry out.
//!
//! It is pure (sans-IO): it uses no tokio, sends no requests and reads no clock, so its tests run
//! in virtual time. The driver carries out its [`effect::Effect`]s.

pub mod contention;
pub mod core;
pub mod effect;
pub mod events;
pub mod group_facts;
pub mod group_state;
pub mod index;
pub mod leases;
pub mod left_to_others;
pub mod other_leases;
pub mod outsiders;
pub mod pending;
pub mod rate_limit;
pub mod reconcile;
pub mod relist_queue;
pub mod reported;
pub mod requeue;
pub mod results;
pub mod revalidate;
pub mod state_counts;
#[cfg(test)]
mod tests;
pub mod unwritable;
pub mod upstream;
pub mod write_rights;
