//! Groups as they stand, followed by watches: the current statuses whenever one of them has changed.

mod connection;
mod observer;
mod picture;

pub use connection::Lost;
pub use observer::{Observer, Scope, Sight};
pub use picture::Absent;
