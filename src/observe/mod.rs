//! Groups as they stand, followed by watches: the current statuses whenever one of them has changed.

pub mod connection;
pub mod observer;
pub mod status_cache;

pub use observer::{ObserveScope, Observer, Snapshot};
pub use status_cache::UnknownName;
