//! How long a renewal makes the Lease last, and when the next one is due. Admission may hold each
//! renewal up, so a Lease whose renewals are slow lasts longer.

use std::time::Duration;

use crate::model::limits::{LEASE_SECONDS, MAX_LEASE_SECONDS};

pub const LEASE_DURATION: Duration = Duration::from_secs(LEASE_SECONDS.unsigned_abs() as u64);
const MAX_LEASE_DURATION: Duration = Duration::from_secs(MAX_LEASE_SECONDS.unsigned_abs() as u64);
pub const RENEW_INTERVAL: Duration = Duration::from_secs(5);

/// The term of a held Lease. Times count from the start of the driver.
#[derive(Debug, Default)]
pub struct LeaseTerm {
    until: Duration,
    /// How long the last write of the Lease took.
    took: Duration,
}

impl LeaseTerm {
    /// Returns for how many seconds a write that starts at `now` acquires or renews the Lease:
    /// until the answer to the renewal after this one, with the usual time to spare. Never ends a
    /// term early: if the answer is lost, the earlier term counts here, and this one elsewhere.
    pub fn seconds(&self, now: Duration) -> i32 {
        let extra = if self.took > RENEW_INTERVAL {
            2 * self.took
        } else {
            Duration::ZERO
        };
        let wanted = (LEASE_DURATION + extra).min(MAX_LEASE_DURATION);
        let duration = wanted.max(self.until.saturating_sub(now));
        let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
        i32::try_from(seconds).unwrap_or(MAX_LEASE_SECONDS)
    }

    /// Records a write that was answered, or whose time limit passed.
    pub fn written(&mut self, started: Duration, now: Duration) {
        self.took = now.saturating_sub(started);
    }

    /// Records a renewal for these seconds that started at `started`. Returns when the Lease
    /// expires: the server starts to count later. Also returns the time until the next renewal.
    pub fn renewed(
        &mut self,
        seconds: i32,
        started: Duration,
        now: Duration,
    ) -> (Duration, Duration) {
        self.written(started, now);
        self.until = started + Duration::from_secs(u64::from(seconds.unsigned_abs()));
        (self.until, RENEW_INTERVAL.saturating_sub(self.took))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::engine::leases::MIN_LEASE_LEFT;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_lease_whose_renewals_are_slow_lasts_until_the_next_answer() {
        for took in [10, 20, 25] {
            let took = took * SECOND;
            let (mut term, mut now) = (LeaseTerm::default(), 100 * SECOND);
            let mut renew = |now: &mut Duration| {
                let (started, seconds) = (*now, term.seconds(*now));
                *now += took;
                let (until, pause) = term.renewed(seconds, started, *now);
                assert_eq!(pause, Duration::ZERO, "the next renewal follows at once");
                until
            };
            renew(&mut now);
            for _ in 0..3 {
                let until = renew(&mut now);
                assert!(
                    now + took + MIN_LEASE_LEFT <= until,
                    "renewals that take {took:?} leave a gap"
                );
            }
        }
    }

    #[test]
    fn a_lease_that_is_renewed_quickly_keeps_its_term() {
        let mut term = LeaseTerm::default();
        assert_eq!(term.seconds(SECOND), LEASE_SECONDS);
        let (until, pause) = term.renewed(LEASE_SECONDS, SECOND, 2 * SECOND);
        assert_eq!((until, pause), (SECOND + LEASE_DURATION, 4 * SECOND));
        assert_eq!(term.seconds(6 * SECOND), LEASE_SECONDS);
    }

    #[test]
    fn no_renewal_ends_a_longer_term_early() {
        let mut term = LeaseTerm::default();
        term.renewed(35, 100 * SECOND, 110 * SECOND);
        term.written(110 * SECOND, 111 * SECOND);
        assert_eq!(term.seconds(111 * SECOND), 24);
        assert_eq!(term.seconds(125 * SECOND), LEASE_SECONDS);
    }

    #[test]
    fn a_write_without_an_answer_makes_the_next_term_longer() {
        let mut term = LeaseTerm::default();
        term.written(100 * SECOND, 130 * SECOND);
        assert_eq!(term.seconds(130 * SECOND), MAX_LEASE_SECONDS);
    }
}
