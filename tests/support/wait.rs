//! Waits for conditions.

use std::time::{Duration, Instant};

/// How long a condition may take to become true on a busy machine.
pub const WAIT_LIMIT: Duration = Duration::from_secs(45);
const FIRST_POLL: Duration = Duration::from_millis(20);
/// Later polls are rarer, since those of many tests keep the API servers busy.
const LAST_POLL: Duration = Duration::from_millis(100);

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
            Err(_) => {
                let poll = start.elapsed() / 20;
                tokio::time::sleep(poll.clamp(FIRST_POLL, LAST_POLL)).await;
            }
        }
    }
}
