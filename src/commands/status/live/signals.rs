//! The terminal's signals.

use anyhow::Context as _;
use rustix::process::{Signal as Posix, getpid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};

pub struct TerminalSignals {
    pub resized: Signal,
    /// The process is to be suspended from outside.
    pub stopped: Signal,
}

impl TerminalSignals {
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        let stop = SignalKind::from_raw(Posix::TSTP.as_raw());
        Ok(Self {
            resized: listen(SignalKind::window_change())?,
            stopped: listen(stop)?,
        })
    }
}

/// Suspends the process. Returns when it is continued.
pub fn stop() -> anyhow::Result<()> {
    kill_process(getpid(), Posix::STOP).context("stopping")
}
