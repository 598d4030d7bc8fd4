//! Exponential backoff between retries.

use std::time::Duration;

use super::response::MAX_RETRY_AFTER;

/// Delays between retries. They double from 50 ms to 2 s, or to 30 s for refusals. Jitter shortens
/// each by up to half.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    retries: u32,
    /// The number of refusals in a row.
    refusals: u32,
}

const FIRST_RETRY_DELAY: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(2);
/// The longest delay if only a person can change the outcome.
const MAX_REFUSED_DELAY: Duration = Duration::from_secs(30);

impl Backoff {
    /// Returns the next delay. A longer Retry-After takes precedence, up to 10 s, with up to 25 %
    /// jitter, since many clients receive the same value.
    pub fn next(&mut self, retry_after: Option<Duration>) -> Duration {
        self.refusals = 0;
        let delay = delay(&mut self.retries, MAX_BACKOFF);
        let jittered = |after: Duration| {
            let longest = after.saturating_mul(5) / 4;
            let longest = longest.min(MAX_RETRY_AFTER);
            longest.saturating_sub((longest / 5).mul_f64(fastrand::f64()))
        };
        retry_after.map_or(delay, |after| jittered(after).max(delay))
    }

    /// Returns the next delay after a refusal. New rights may take a moment to apply, and a server
    /// that has just started may not know them yet. After that, only a person can help.
    pub fn next_refused(&mut self) -> Duration {
        delay(&mut self.refusals, MAX_REFUSED_DELAY)
    }

    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

fn delay(retries: &mut u32, max: Duration) -> Duration {
    let whole = FIRST_RETRY_DELAY
        .saturating_mul(1 << (*retries).min(10))
        .min(max);
    *retries = retries.saturating_add(1);
    whole.mul_f64(1.0 - fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_at_most_two_seconds() {
        let mut backoff = Backoff::default();
        let delays: Vec<Duration> = (0..40).map(|_| backoff.next(None)).collect();
        assert!(delays[0] <= FIRST_RETRY_DELAY && delays[0] >= FIRST_RETRY_DELAY / 2);
        assert!(delays.iter().all(|delay| *delay <= MAX_BACKOFF));
        assert!(delays[20] >= MAX_BACKOFF / 2);
        backoff.reset();
        assert!(backoff.next(None) <= FIRST_RETRY_DELAY);
    }

    #[test]
    fn refusals_are_retried_more_slowly() {
        let mut backoff = Backoff::default();
        let delays: Vec<Duration> = (0..40).map(|_| backoff.next_refused()).collect();
        assert!(delays[0] <= FIRST_RETRY_DELAY);
        assert!(
            delays[20] >= MAX_REFUSED_DELAY / 2
                && delays.iter().all(|delay| *delay <= MAX_REFUSED_DELAY)
        );
        // A server that has just started refuses requests for a moment.
        backoff.next(None);
        assert!(backoff.next_refused() <= FIRST_RETRY_DELAY);
    }

    #[test]
    fn no_retry_after_delays_a_retry_by_more_than_10_s() {
        for seconds in [9, 10, 60, 300, u64::MAX] {
            let delay = Backoff::default().next(Some(Duration::from_secs(seconds)));
            assert!((8.0..=10.0).contains(&delay.as_secs_f64()), "{delay:?}");
        }
    }

    #[test]
    fn a_longer_retry_after_takes_precedence() {
        let delays: Vec<Duration> = (0..40)
            .map(|_| Backoff::default().next(Some(Duration::from_secs(8))))
            .collect();
        assert!(
            delays
                .iter()
                .all(|delay| (8.0..=10.0).contains(&delay.as_secs_f64())),
            "{delays:?}"
        );
        assert!(
            delays.iter().any(|delay| *delay != delays[0]),
            "all come back at once"
        );
    }
}
