//! When what can wait is done.

use std::time::Duration;

use tokio::time::Instant;

/// How long there are no writes before it is done: in a mass failover, writes come in waves.
const QUIET: Duration = Duration::from_millis(500);
/// How long it waits for that at most: somewhere something may always move.
const LONGEST: Duration = Duration::from_secs(30);

/// Waits for writes to be over.
#[derive(Debug, Default)]
pub struct IdleGate {
    /// When the last write was asked for or answered.
    last_write: Option<Instant>,
    /// Since when something waits.
    waits_since: Option<Instant>,
}

impl IdleGate {
    /// A write was asked for or answered.
    pub fn disturb(&mut self, now: Instant) {
        self.last_write = Some(now);
    }

    /// Something waits from now on, if nothing did.
    pub fn wait(&mut self, now: Instant) {
        self.waits_since.get_or_insert(now);
    }

    /// Nothing waits any more.
    pub fn rest(&mut self) {
        self.waits_since = None;
    }

    /// Whether it is time; `is_idle` where no write waits or is under way.
    pub fn has_come(&self, now: Instant, is_idle: bool) -> bool {
        let is_quiet = is_idle && self.last_write.is_none_or(|last| now >= last + QUIET);
        is_quiet || self.waits_since.is_some_and(|since| now >= since + LONGEST)
    }

    /// When it is time if nothing else happens; none where that is now, or nothing waits.
    pub fn comes_at(&self, now: Instant, is_idle: bool) -> Option<Instant> {
        let late = self.waits_since.filter(|_| !self.has_come(now, is_idle))? + LONGEST;
        let quiet = self.last_write.filter(|_| is_idle).map(|last| last + QUIET);
        Some(quiet.map_or(late, |quiet| quiet.min(late)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_wait_is_done_half_a_second_after_the_last_write() {
        let (mut calm, start) = (IdleGate::default(), Instant::now());
        assert!(calm.has_come(start, true), "there was no write yet");
        calm.disturb(start);
        calm.wait(start);
        assert!(!calm.has_come(start, true));
        assert_eq!(calm.comes_at(start, true), Some(start + QUIET));
        assert!(calm.has_come(start + QUIET, true) && !calm.has_come(start + QUIET, false));
        assert_eq!(calm.comes_at(start + QUIET, true), None, "it is time");
        calm.rest();
        assert_eq!(calm.comes_at(start, true), None, "nothing waits");
    }

    #[test]
    fn it_does_not_wait_for_ever() {
        let (mut calm, start) = (IdleGate::default(), Instant::now());
        calm.wait(start);
        let mut now = start;
        while now < start + LONGEST {
            calm.disturb(now);
            calm.wait(now);
            assert!(!calm.has_come(now, true));
            assert_eq!(calm.comes_at(now, false), Some(start + LONGEST));
            now += QUIET / 2;
        }
        assert!(calm.has_come(start + LONGEST, false));
        calm.rest();
        calm.wait(now);
        assert!(!calm.has_come(now, false), "what comes next waits anew");
    }
}
