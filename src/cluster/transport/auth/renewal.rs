//! When credentials are renewed: some time before they end.

use jiff::{SignedDuration, Timestamp};

use super::token_source::CREDENTIALS_RETRY_INTERVAL;

/// Credentials are renewed so long before they end, or in the last fifth of a shorter life.
const RENEWAL_LEAD: SignedDuration = SignedDuration::from_secs(60);

/// When credentials are to be renewed, and when they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    due: Timestamp,
    end: Timestamp,
}

impl Renewal {
    /// Returns the renewal of credentials that have just been obtained. If the clock of their issuer
    /// is so far off that they seem to have ended, they are not renewed at once, which would not help.
    pub fn before(end: Timestamp, now: Timestamp) -> Self {
        let life = now.duration_until(end);
        let lead = RENEWAL_LEAD.min(life / 5);
        let pause = SignedDuration::try_from(CREDENTIALS_RETRY_INTERVAL).unwrap_or_default();
        let wait = (life - lead).max(pause);
        Self {
            due: now.saturating_add(wait).unwrap_or(Timestamp::MAX),
            end,
        }
    }

    pub fn is_due(self, now: Timestamp) -> bool {
        now >= self.due
    }

    /// Returns whether the credentials have ended, and new ones can be expected.
    pub fn is_over(self, now: Timestamp) -> bool {
        self.is_due(now) && now >= self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_after(life: i64) -> i64 {
        let now = Timestamp::UNIX_EPOCH;
        let end = Timestamp::from_second(life).unwrap();
        let renewal = Renewal::before(end, now);
        assert!(!renewal.is_due(now) && !renewal.is_over(now));
        (0..)
            .find(|at| renewal.is_due(Timestamp::from_second(*at).unwrap()))
            .unwrap()
    }

    #[test]
    fn credentials_are_renewed_before_they_end() {
        assert_eq!(due_after(3600), 3540);
        assert_eq!(due_after(30), 24);
    }

    #[test]
    fn credentials_that_seem_to_have_ended_are_not_renewed_at_once() {
        assert_eq!(due_after(-3600), 10);
        assert_eq!(due_after(0), 10);
        assert_eq!(due_after(1), 10);
    }
}
