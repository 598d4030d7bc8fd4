//! When to retry a write of a change.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cluster::RequestError;
use crate::cluster::transport::backoff::Backoff;

/// Retries with backoff until a time limit.
#[derive(Debug)]
pub struct Retries {
    deadline: Instant,
    backoff: Backoff,
}

impl Retries {
    pub fn within(limit: Duration) -> Self {
        Self {
            deadline: Instant::now() + limit,
            backoff: Backoff::default(),
        }
    }

    /// Waits until it is time to retry. Returns whether to retry at all.
    pub async fn wait(&mut self, error: &RequestError) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if !is_retriable(error) || left.is_zero() {
            return false;
        }
        if !error.is_conflict() {
            sleep(self.backoff.next(error.retry_after()).min(left)).await;
        }
        true
    }
}

/// Whether to retry: after conflicts, and after failures of the server or the connection. The API
/// server also answers 422 to a patch of an object that has changed.
pub fn is_retriable(error: &RequestError) -> bool {
    let may_pass = |code| matches!(code, 409 | 422 | 429 | 500..);
    !error.is_refusal() && error.code().is_none_or(may_pass)
}
