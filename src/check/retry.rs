//! Retries checks that may recover by themselves, until a deadline (`check --wait`).

use std::time::Duration;

use tokio::time::Instant;

use crate::model::check::CheckResult;

/// How often a pending check is repeated.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Repeats pending checks until a deadline.
pub struct RetryUntil<'a> {
    until: Instant,
    /// Called with the description of each pending check.
    say: &'a dyn Fn(&str),
}

impl std::fmt::Debug for RetryUntil<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetryUntil")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl<'a> RetryUntil<'a> {
    pub fn new(wait: Duration, say: &'a dyn Fn(&str)) -> Self {
        let now = Instant::now();
        Self {
            until: now.checked_add(wait).unwrap_or(now),
            say,
        }
    }

    /// Repeats a check until nothing is pending or the deadline has passed.
    pub async fn settle<T>(
        &self,
        check: impl AsyncFn() -> T,
        pending: impl Fn(&T) -> Option<&CheckResult>,
    ) -> T {
        loop {
            let found = check().await;
            let Some(waited_for) = pending(&found) else {
                return found;
            };
            let next = Instant::now() + RETRY_INTERVAL;
            if next > self.until {
                return found;
            }
            (self.say)(&waited_for.description);
            tokio::time::sleep_until(next).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    async fn tries(wait: u64, mends_after: u32) -> (u32, CheckResult) {
        let count = Cell::new(0);
        let check = async || {
            count.set(count.get() + 1);
            let complaints = if count.get() > mends_after {
                vec![]
            } else {
                vec!["not yet".to_owned()]
            };
            CheckResult::error("it is up", complaints).that_may_pass()
        };
        let retry = RetryUntil::new(Duration::from_secs(wait), &|_| {});
        let found = retry
            .settle(check, |found| found.may_pass.then_some(found))
            .await;
        (count.get(), found)
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_continues_until_a_check_recovers() {
        assert_eq!(tries(300, 5).await, (6, CheckResult::success("it is up")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_ends_at_the_deadline() {
        let (count, found) = tries(3, u32::MAX).await;
        assert!(found.may_pass && (3..=5).contains(&count), "{count}");
        assert_eq!(tries(0, u32::MAX).await.0, 1);
    }
}
