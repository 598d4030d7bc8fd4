//! Whether the machine has slept: what was known before it may have been true long ago.

use std::time::{Duration, SystemTime};

/// Clocks that drift apart by more than this have seen a sleep, or were set.
const TOLERANCE: Duration = Duration::from_secs(5);

/// What the clocks show at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// Stands still while the machine sleeps. Since the loop's start.
    pub monotonic: Duration,
    /// Goes on while it sleeps. Since the machine's start.
    pub boot: Duration,
    /// Can be set. Since 1970.
    pub wall: Duration,
}

impl Clocks {
    pub fn read(monotonic: Duration) -> Self {
        let wall = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            monotonic,
            boot: boot_clock().unwrap_or(monotonic),
            wall,
        }
    }
}

#[cfg(target_os = "linux")]
fn boot_clock() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Some(Duration::new(
        u64::try_from(time.tv_sec).ok()?,
        u32::try_from(time.tv_nsec).ok()?,
    ))
}

/// Elsewhere the wall clock has to tell.
#[cfg(not(target_os = "linux"))]
fn boot_clock() -> Option<Duration> {
    None
}

#[derive(Debug)]
pub struct SuspendDetector {
    last: Clocks,
}

impl SuspendDetector {
    pub fn new(now: Clocks) -> Self {
        Self { last: now }
    }

    /// Whether the clocks have come apart since this was last asked.
    pub fn has_passed(&mut self, now: Clocks) -> bool {
        let last = std::mem::replace(&mut self.last, now);
        let awake = now.monotonic.saturating_sub(last.monotonic);
        let apart = |then: Duration, now: Duration| (then + awake).abs_diff(now) > TOLERANCE;
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
    fn clocks_that_go_on_together_have_seen_no_sleep() {
        let mut sleep = SuspendDetector::new(clocks(10, 100, 1000));
        assert!(!sleep.has_passed(clocks(500, 590, 1490)));
        assert!(!sleep.has_passed(clocks(501, 594, 1488)));
    }

    #[test]
    fn a_clock_that_jumps_tells_of_a_sleep_once() {
        for jump in [
            clocks(11, 111, 1001),
            clocks(11, 101, 1011),
            clocks(11, 101, 900),
        ] {
            let mut sleep = SuspendDetector::new(clocks(10, 100, 1000));
            assert!(sleep.has_passed(jump), "{jump:?}");
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
            assert!(!sleep.has_passed(next), "{jump:?}");
        }
    }
}
