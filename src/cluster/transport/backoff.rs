use std::time::Duration;

/// Waits between tries: doubling from 50 ms to 2 s, or to 30 s, each shortened at random by up to a half.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    tries: u32,
    /// How many of the last tries in a row were refused.
    refusals: u32,
}

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);
/// The same where it takes a person to change anything.
const LONGEST_REFUSED: Duration = Duration::from_secs(30);

impl Backoff {
    /// The next wait; the server's own wish, if it is longer, comes first. It tells many the same: they come back spread
    /// over up to a quarter more.
    pub fn next(&mut self, wish: Option<Duration>) -> Duration {
        self.refusals = 0;
        let wait = wait(&mut self.tries, LONGEST);
        let spread = |wish: Duration| wish.saturating_add((wish / 4).mul_f64(fastrand::f64()));
        wish.map_or(wait, |wish| spread(wish).max(wait))
    }

    /// The next wait after a refusal. Rights may take a moment to be in force, and a server that has just started may not
    /// know them yet; after that, it takes a person.
    pub fn next_refused(&mut self) -> Duration {
        wait(&mut self.refusals, LONGEST_REFUSED)
    }

    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

fn wait(tries: &mut u32, longest: Duration) -> Duration {
    let whole = FIRST.saturating_mul(1 << (*tries).min(10)).min(longest);
    *tries = tries.saturating_add(1);
    whole.mul_f64(1.0 - fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_two_seconds_and_no_further() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..40).map(|_| backoff.next(None)).collect();
        assert!(waits[0] <= FIRST && waits[0] >= FIRST / 2);
        assert!(waits.iter().all(|wait| *wait <= LONGEST));
        assert!(waits[20] >= LONGEST / 2);
        backoff.reset();
        assert!(backoff.next(None) <= FIRST);
    }

    #[test]
    fn refusals_are_tried_again_more_slowly() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..40).map(|_| backoff.next_refused()).collect();
        assert!(waits[0] <= FIRST);
        assert!(
            waits[20] >= LONGEST_REFUSED / 2 && waits.iter().all(|wait| *wait <= LONGEST_REFUSED)
        );
        // A server that was away refuses for a moment.
        backoff.next(None);
        assert!(backoff.next_refused() <= FIRST);
    }

    #[test]
    fn the_server_may_ask_for_more() {
        let waits: Vec<Duration> = (0..40)
            .map(|_| Backoff::default().next(Some(Duration::from_secs(8))))
            .collect();
        assert!(
            waits
                .iter()
                .all(|wait| (8.0..=10.0).contains(&wait.as_secs_f64())),
            "{waits:?}"
        );
        assert!(
            waits.iter().any(|wait| *wait != waits[0]),
            "all come back at once"
        );
    }
}
