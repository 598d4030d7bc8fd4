//! Prometheus metrics and health of `watch`, for all clusters of the process.

mod group_series;
pub mod recorder;
pub mod registry;
pub mod text_format;

use jiff::Timestamp;

/// The unit of all `_timestamp_seconds`.
fn unix_seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
