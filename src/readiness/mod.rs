//! The readiness of backends: the cache (informer store) and its watches.
//!
//! A look-up ([`ReadinessCache::lookup`](cache::ReadinessCache::lookup)) starts with the slices of
//! the backend itself. Its Service shows whether they count, and without slices, whether it is dead,
//! missing, or a mirror without local endpoints. For a mirror, the slices of the services behind it count too, in
//! the clusters that may be asked. A watch that has been silent for too long is not trusted: the
//! readiness that it reported becomes unknown.
//!
//! `watch` and `observe` fill the cache from watches ([`watches`]); `status`, `force` and similar
//! commands fill it once from lists ([`read_once`]).

pub mod backends;
pub mod cache;
mod events;
mod first_lists;
mod health;
pub mod lookup;
pub mod mirror_index;
pub mod pending_writes;
pub mod prefetch;
pub mod read_once;
pub mod relist;
pub mod scope;
mod service_store;
pub mod settle;
pub mod slice_watch;
pub mod survey;
mod watch_table;
pub mod watches;
