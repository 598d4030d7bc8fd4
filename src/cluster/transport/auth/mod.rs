//! Credentials: their sources, their refresh, and why they cannot be obtained.

pub mod credentials;
pub mod refresh;
pub mod token;
pub mod token_source;
