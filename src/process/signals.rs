//! SIGINT, SIGTERM and SIGHUP, which ask the process to end.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::problem::{Exit, Problem};

/// Receives signals, which do not end the process by themselves after [`Interrupts::listen`].
#[derive(Debug)]
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    /// None if the process ignores it.
    hangup: Option<Signal>,
}

/// The number of a signal that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted(pub i32);

impl Interrupts {
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: if ignores_hangup() {
                None
            } else {
                Some(listen(SignalKind::hangup())?)
            },
        })
    }

    pub async fn next(&mut self) -> Interrupted {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = hangup => SignalKind::hangup(),
        };
        Interrupted(kind.as_raw_value())
    }

    /// Waits for `work`, or fails on the first signal.
    pub async fn or<T>(
        &mut self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            done = work => done,
            interrupted = self.next() => Err(interrupted.problem().into()),
        }
    }
}

impl Interrupted {
    /// The exit code as in a shell: 130 for SIGINT.
    pub fn code(self) -> u8 {
        u8::try_from(128 + self.0).unwrap_or(1)
    }

    /// The problem with which the command ends.
    pub fn problem(self) -> Problem {
        let message = format!("interrupted by {}", self.name());
        Problem::new(message).with_exit(Exit::Passed(self.code()))
    }

    /// What stopped the work, as people know it.
    pub fn cause(self) -> &'static str {
        match self.name() {
            "SIGINT" => "Ctrl-C",
            name => name,
        }
    }

    pub fn name(self) -> &'static str {
        match rustix::process::Signal::from_named_raw(self.0) {
            Some(rustix::process::Signal::INT) => "SIGINT",
            Some(rustix::process::Signal::TERM) => "SIGTERM",
            _ => "SIGHUP",
        }
    }
}

/// Whether SIGHUP is ignored, as under nohup. Only Linux reports it.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .unwrap_or_default();
    ignored & 1 << (SignalKind::hangup().as_raw_value() - 1) != 0
}
