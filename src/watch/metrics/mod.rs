//! Prometheus metrics and health of `watch`, for all clusters of the process.

mod group_series;
pub mod recorder;
pub mod registry;
