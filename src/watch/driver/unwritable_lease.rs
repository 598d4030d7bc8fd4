//! Decides whether moves go on without a Lease that cannot be written.

use std::time::Duration;

use tokio::time::Instant;

use super::lease_term::LEASE_DURATION;
use crate::cluster::RequestError;
use crate::cluster::transport::error::Cause;

/// No other holder can have renewed a Lease that has not changed for this long.
const GO_ON_AFTER: Duration = LEASE_DURATION.saturating_mul(2);

/// Why a Lease cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseFailure {
    /// The server refuses it: RBAC, an admission webhook or policy, or a server without Leases.
    Refused,
    /// The server can be reached, but admission takes too long or fails.
    HeldUp,
    /// The server may not be reachable.
    Other,
}

impl LeaseFailure {
    pub fn of(error: &RequestError) -> Self {
        let is_read = error.method == http::Method::GET;
        match &error.cause {
            Cause::Status { code: 422, .. } => Self::Refused,
            cause if error.is_refusal() || cause.is_unknown_path() => Self::Refused,
            Cause::TimedOut { .. }
            | Cause::Status {
                code: 429 | 500 | 503 | 504,
                ..
            } if !is_read => Self::HeldUp,
            _ => Self::Other,
        }
    }
}

/// Decides whether moves may go on without the Lease.
#[derive(Debug, Default)]
pub struct UnwritableLease {
    /// A holder had the Lease, and another one may hold it.
    pub had_holder: bool,
    since: Option<Instant>,
}

impl UnwritableLease {
    pub fn written(&mut self) {
        self.since = None;
    }

    /// Records that an attempt that began at `started` failed. Returns whether moves may go on: no
    /// holder is known, or its Lease has expired. If the server only holds the Lease up, the
    /// caller must also confirm that nobody else holds it.
    pub fn may_go_on(&mut self, failure: LeaseFailure, started: Instant, now: Instant) -> bool {
        if failure == LeaseFailure::Other {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(started);
        let has_lasted = now.duration_since(since) >= GO_ON_AFTER;
        has_lasted || failure == LeaseFailure::Refused && !self.had_holder
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::LeaseFailure::{HeldUp, Other, Refused};
    use super::*;

    fn failure(method: &Method, code: u16, reason: &str) -> LeaseFailure {
        let cause = Cause::Status {
            code,
            reason: reason.to_owned(),
            message: "no".to_owned(),
            retry_after: None,
        };
        LeaseFailure::of(&RequestError::new(method, "/leases", cause))
    }

    #[test]
    fn every_refusal_of_the_lease_counts_like_a_missing_right() {
        for code in [400, 403, 405, 413, 422] {
            assert_eq!(failure(&Method::PUT, code, "Invalid"), Refused, "{code}");
        }
        assert_eq!(failure(&Method::POST, 404, ""), Refused, "no Leases here");
        assert_eq!(failure(&Method::PUT, 404, "NotFound"), Other, "deleted");
        assert_eq!(failure(&Method::PUT, 401, ""), Other);
        for code in [429, 500, 503, 504] {
            assert_eq!(failure(&Method::PUT, code, ""), HeldUp, "{code}");
            assert_eq!(failure(&Method::GET, code, ""), Other, "{code}");
        }
    }

    #[test]
    fn a_write_without_an_answer_is_held_up_and_a_read_is_not() {
        let unanswered = |method: &Method| {
            let after = Duration::from_secs(30);
            let cause = Cause::TimedOut { after };
            LeaseFailure::of(&RequestError::new(method, "/leases", cause))
        };
        assert_eq!(unanswered(&Method::PUT), HeldUp);
        assert_eq!(unanswered(&Method::GET), Other);
    }

    #[test]
    fn nothing_is_written_while_another_may_hold_a_lease_that_is_refused() {
        let start = Instant::now();
        let mut free = UnwritableLease::default();
        assert!(free.may_go_on(Refused, start, start), "no holder is known");

        let mut lease = UnwritableLease {
            had_holder: true,
            ..UnwritableLease::default()
        };
        let at = |lease: &mut UnwritableLease, durations| {
            let now = start + durations * LEASE_DURATION;
            lease.may_go_on(Refused, now, now)
        };
        assert!(!at(&mut lease, 0));
        assert!(!at(&mut lease, 1));
        assert!(at(&mut lease, 2));
        lease.written();
        assert!(!at(&mut lease, 3), "the time starts again");
        assert!(at(&mut lease, 5));
        assert!(!lease.may_go_on(Other, start, start + 6 * LEASE_DURATION));
        assert!(!at(&mut lease, 7), "an outage starts the time again");
    }

    #[test]
    fn moves_go_on_once_the_lease_was_held_up_for_two_durations() {
        let start = Instant::now();
        let mut lease = UnwritableLease::default();
        let second = Duration::from_secs(1);
        assert!(!lease.may_go_on(HeldUp, start, start + 10 * second));
        assert!(lease.may_go_on(HeldUp, start + 11 * second, start + 2 * LEASE_DURATION));
    }
}
