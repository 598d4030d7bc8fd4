pub mod contention;
pub mod core;
pub mod events;
pub mod group_state;
pub mod index;
pub mod leases;
pub mod rate_limit;
pub mod reconcile;
pub mod requeue;
pub mod results;
pub mod revalidate;
pub mod state_counts;
#[cfg(test)]
mod tests;
