//! Observes groups without changing them: returns the statuses whenever one changes, for `status
//! -w` and `status --for`.

pub mod connection;
pub mod heartbeat;
pub mod observer;
pub mod status_cache;

pub use observer::{ObserveScope, Observer};
pub use status_cache::{Snapshot, UnknownName};
