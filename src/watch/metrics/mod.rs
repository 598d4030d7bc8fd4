//! Prometheus metrics and health of `watch`, for all clusters of the process.

pub mod recorder;
pub mod registry;
