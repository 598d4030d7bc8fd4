use std::time::Duration;

use tokio::time::Instant;

use crate::model::check::CheckResult;

/// How often what may mend itself is looked at again.
const INTERVAL: Duration = Duration::from_secs(1);

/// Waits for what may mend itself, up to a moment.
pub struct RetryUntil<'a> {
    until: Instant,
    /// Told what is waited for.
    say: &'a dyn Fn(&str),
}

impl std::fmt::Debug for RetryUntil<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience")
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

    /// Checks until nothing is pending any more, or the time is over.
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
            let next = Instant::now() + INTERVAL;
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
        let patience = RetryUntil::new(Duration::from_secs(wait), &|_| {});
        let found = patience
            .settle(check, |found| found.may_pass.then_some(found))
            .await;
        (count.get(), found)
    }

    #[tokio::test(start_paused = true)]
    async fn what_mends_itself_is_waited_for() {
        assert_eq!(tries(300, 5).await, (6, CheckResult::success("it is up")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_has_an_end() {
        let (count, found) = tries(3, u32::MAX).await;
        assert!(found.may_pass && (3..=5).contains(&count), "{count}");
        assert_eq!(tries(0, u32::MAX).await.0, 1);
    }
}
