//! The clocks of the machine. Their drift shows that the machine was suspended.

use std::time::{Duration, SystemTime};

/// The readings of the clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// The time since the start of the driver. Stops while the machine is suspended.
    pub monotonic: Duration,
    /// The time since the machine started. Runs while the machine is suspended.
    pub boot: Duration,
    /// The time since 1970. Can be set.
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

/// On other systems, only the wall clock shows that the machine was suspended.
#[cfg(not(target_os = "linux"))]
fn boot_clock() -> Option<Duration> {
    None
}
