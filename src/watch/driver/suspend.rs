//! Detects that the machine was suspended. Everything known before may be out of date.

use std::time::Duration;

use crate::watch::clocks::Clocks;

/// If the clocks drift apart by more than this, the machine was suspended or a clock was set.
const MAX_CLOCK_DRIFT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct SuspendDetector {
    last: Clocks,
}

impl SuspendDetector {
    pub fn new(now: Clocks) -> Self {
        Self { last: now }
    }

    /// Returns whether the clocks have drifted apart since the last call.
    pub fn was_suspended(&mut self, now: Clocks) -> bool {
        let last = std::mem::replace(&mut self.last, now);
        let awake = now.monotonic.saturating_sub(last.monotonic);
        let apart = |then: Duration, now: Duration| (then + awake).abs_diff(now) > MAX_CLOCK_DRIFT;
        apart(last.boot, now.boot) || apart(last.wall, now.wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(monotonic: u64, boot: u64, wall: u64) -> Clocks {
        let [monotonic, boot, wall] = [monotonic, boot, wall].map(Duration::from_secs);
        Clocks {
            monotonic,
            boot,
            wall,
        }
    }

    #[test]
    fn clocks_that_advance_together_do_not_show_a_suspend() {
        let mut detector = SuspendDetector::new(clocks(10, 100, 1000));
        assert!(!detector.was_suspended(clocks(500, 590, 1490)));
        assert!(!detector.was_suspended(clocks(501, 594, 1488)));
    }

    #[test]
    fn a_clock_that_jumps_shows_a_suspend_once() {
        for jump in [
            clocks(11, 111, 1001),
            clocks(11, 101, 1011),
            clocks(11, 101, 900),
        ] {
            let mut detector = SuspendDetector::new(clocks(10, 100, 1000));
            assert!(detector.was_suspended(jump), "{jump:?}");
            let Clocks {
                monotonic,
                boot,
                wall,
            } = jump;
            let second = Duration::from_secs(1);
            let next = Clocks {
                monotonic: monotonic + second,
                boot: boot + second,
                wall: wall + second,
            };
            assert!(!detector.was_suspended(next), "{jump:?}");
        }
    }
}
