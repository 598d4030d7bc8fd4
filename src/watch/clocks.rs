//! The clocks of the machine, by which a watch notices that the machine was suspended.

use std::time::{Duration, SystemTime};

/// What the clocks show at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// Stands still while the machine is suspended. Since the start of the driver.
    pub monotonic: Duration,
    /// Goes on while it is suspended. Since the machine's start.
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

/// Elsewhere only the wall clock shows it.
#[cfg(not(target_os = "linux"))]
fn boot_clock() -> Option<Duration> {
    None
}
