//! Percentiles and units of times.

use std::time::Duration;

/// Returns the percentile of the times for this part (0 to 1), in milliseconds.
pub fn percentile(times: &[Duration], part: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    let last = sorted.len().checked_sub(1).expect("something was measured");
    millis(sorted[(last as f64 * part).round() as usize])
}

pub fn median(times: &[Duration]) -> f64 {
    percentile(times, 0.5)
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
