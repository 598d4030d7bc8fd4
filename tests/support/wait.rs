//! Waits for conditions.

use std::time::{Duration, Instant};

/// How long a condition may take to become true on a busy machine.
pub const WAIT_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Waits until `condition` returns a value. An `Err` describes the current state and is shown when
/// the time is over.
pub async fn eventually<T>(what: &str, condition: impl AsyncFn() -> Result<T, String>) -> T {
    eventually_within(WAIT_LIMIT, what, condition).await
}

pub async fn eventually_within<T>(
    limit: Duration,
    what: &str,
    condition: impl AsyncFn() -> Result<T, String>,
) -> T {
    let start = Instant::now();
    loop {
        match condition().await {
            Ok(value) => return value,
            Err(seen) if start.elapsed() > limit => {
                panic!("waited {limit:?} until {what}; seen last: {seen}")
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}
