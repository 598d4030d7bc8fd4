//! The folder of the cache in which one process at a time has go build or download something.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};

use super::program::last_lines;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::sandbox::supervisor::guard;
use crate::sandbox::supervisor::state_dir;
use crate::sandbox::supervisor::state_dir::{Ownership, StateDir};

const LOCK_POLL: Duration = Duration::from_millis(200);
const LOG: &str = "go.log";
const OUTPUT: &str = "go.out";
/// Where go keeps what it would leave behind when it is killed.
const SCRATCH: &str = "tmp";

/// The module that go works in.
#[derive(Debug, Clone, Copy)]
pub struct Module {
    pub go_mod: &'static str,
    /// Go checks by it whatever it downloads.
    pub go_sum: &'static str,
}

/// Gone when this is dropped.
#[derive(Debug)]
pub struct BuildDir {
    place: StateDir,
    _ownership: Ownership,
}

impl BuildDir {
    /// Waits for its turn.
    pub async fn open(streams: &Streams, module: Module) -> anyhow::Result<Self> {
        let place = StateDir::at(state_dir::cache_root()?.join("build"));
        let ownership = await_turn(streams, &place).await?;
        let workshop = Self {
            place,
            _ownership: ownership,
        };
        state_dir::make_private_dir(&workshop.dir().join(SCRATCH))?;
        state_dir::write_private(&workshop.dir().join("go.mod"), module.go_mod)?;
        state_dir::write_private(&workshop.dir().join("go.sum"), module.go_sum)?;
        Ok(workshop)
    }

    pub fn dir(&self) -> &Path {
        self.place.dir()
    }

    /// Runs go in the module; what it installs goes to `bin` in this folder.
    pub async fn go(&self, arguments: &[&str]) -> anyhow::Result<ExitStatus> {
        let mut child = guard::command()?
            .arg("go")
            .args(arguments)
            .current_dir(self.dir())
            .env("GOBIN", self.dir().join("bin"))
            .env("GOWORK", "off")
            .env("GOTMPDIR", self.dir().join(SCRATCH))
            .stdin(Stdio::null())
            .stdout(state_dir::open_log(&self.dir().join(OUTPUT))?)
            .stderr(state_dir::open_log(&self.dir().join(LOG))?)
            .process_group(0)
            .spawn()
            .context("starting go")?;
        let leader = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw);
        let mut group = Group(leader);
        let status = child.wait().await.context("waiting for go")?;
        group.0 = None;
        Ok(status)
    }

    /// What go wrote to standard output.
    pub fn output(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(self.dir().join(OUTPUT)).context("reading the output of go")
    }

    /// What went wrong, with what go said about it.
    pub fn failure(&self, what: &str, status: ExitStatus) -> Problem {
        Problem::new(format!("{what} failed ({status})"))
            .next("The last lines of its output:")
            .next(last_lines(&self.dir().join(LOG), 12).replace('\n', "\n  "))
            .next("It needs Go 1.26 or newer, and the Go module proxy or a filled module cache.")
    }
}

impl Drop for BuildDir {
    fn drop(&mut self) {
        // Compilers that were just killed may still be writing; what stays the next build uses and removes.
        let _ = (0..5).any(|_| {
            let removed = self.place.remove().is_ok();
            if !removed {
                std::thread::sleep(Duration::from_millis(20));
            }
            removed
        });
    }
}

async fn await_turn(streams: &Streams, place: &StateDir) -> anyhow::Result<Ownership> {
    let mut told = false;
    loop {
        if let Some(ownership) = place.own()? {
            return Ok(ownership);
        }
        if !told {
            streams.say("Waiting for another process that builds the control planes");
            told = true;
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

/// A process group that is killed when this is dropped: go starts compilers of its own.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Gone already unless the build was interrupted.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Fails with `instead`, what to do without it, where there is no go.
pub async fn require_go(what: &str, instead: &str) -> anyhow::Result<()> {
    let go = tokio::process::Command::new("go")
        .arg("version")
        .stderr(Stdio::null())
        .output()
        .await;
    if go.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    Err(Problem::new(format!(
        "the sandbox {what} with Go, and `go` is not on PATH"
    ))
    .next("Install Go 1.26 or newer (https://go.dev/dl), or")
    .next(instead)
    .into())
}
