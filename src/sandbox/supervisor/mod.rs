//! The supervisor process that owns a sandbox, and the session of the command that starts it.

pub mod event;
pub mod scheduler;
pub mod session;
pub mod supervise;
