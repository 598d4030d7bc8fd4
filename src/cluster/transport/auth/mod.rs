//! Credentials: their sources, their refresh, and why they cannot be obtained.

pub mod authentication;
pub mod credentials;
mod exec;
mod identity;
pub mod refresh;
pub mod renewal;
mod token;
pub mod token_source;
