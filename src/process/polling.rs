//! Waits for something that sends no notification.

use std::time::Duration;

/// Asks repeatedly, with this time in between, until there is an answer.
pub async fn poll<T>(interval: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(interval).await;
    }
}
