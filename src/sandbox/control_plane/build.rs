//! Runs `go` to build or download something, one process at a time, in a folder of the cache.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;

use super::program::last_lines;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::process::others::ProcessGroup;
use crate::process::polling::poll;
use crate::sandbox::host::state_dir;
use crate::sandbox::host::state_dir::{Ownership, StateDir};
use crate::sandbox::host::{base_dirs, disk, guard};

const LOCK_POLL: Duration = Duration::from_millis(200);
const LOG: &str = "go.log";
const OUTPUT: &str = "go.out";
/// The folder for go's temporary files, which go leaves behind if it is killed.
const SCRATCH: &str = "tmp";

/// The module that go works in.
#[derive(Debug, Clone, Copy)]
pub struct Module {
    pub go_mod: &'static str,
    /// The checksums of everything that go downloads.
    pub go_sum: &'static str,
}

/// The folder that go works in. It is removed when this is dropped.
#[derive(Debug)]
pub struct BuildDir {
    state_dir: StateDir,
    _ownership: Ownership,
}

impl BuildDir {
    /// Waits until no other process uses the folder, and creates it.
    pub async fn open(streams: &Streams, module: Module) -> anyhow::Result<Self> {
        let state_dir = StateDir::at(base_dirs::cache_root()?.join("build"));
        let ownership = lock(streams, &state_dir).await?;
        let build_dir = Self {
            state_dir,
            _ownership: ownership,
        };
        state_dir::make_private_dir(&build_dir.dir().join(SCRATCH))?;
        state_dir::write_private(&build_dir.dir().join("go.mod"), module.go_mod)?;
        state_dir::write_private(&build_dir.dir().join("go.sum"), module.go_sum)?;
        Ok(build_dir)
    }

    pub fn dir(&self) -> &Path {
        self.state_dir.dir()
    }

    /// Runs go in the module. It installs programs into `bin` in this folder.
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
        // Go starts compilers of its own.
        let mut group = ProcessGroup::of(&child);
        let status = child.wait().await.context("waiting for go")?;
        group.forget();
        Ok(status)
    }

    /// Returns what go wrote to standard output.
    pub fn output(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(self.dir().join(OUTPUT)).context("reading the output of go")
    }

    /// Returns the error of a failed run, with the last lines of its output.
    pub fn failure(&self, what: &str, status: ExitStatus) -> Problem {
        Problem::new(format!("{what} failed ({status})"))
            .next("The last lines of its output:")
            .next(last_lines(&self.dir().join(LOG), 12).replace('\n', "\n  "))
            .next_all(disk::shortage(self.dir()))
            .next("It needs Go 1.26 or newer, and the Go module proxy or a filled module cache.")
    }
}

impl Drop for BuildDir {
    fn drop(&mut self) {
        // Compilers that were just killed may still be writing. The next build removes the rest.
        let _ = (0..5).any(|_| {
            let removed = self.state_dir.remove().is_ok();
            if !removed {
                std::thread::sleep(Duration::from_millis(20));
            }
            removed
        });
    }
}

async fn lock(streams: &Streams, state_dir: &StateDir) -> anyhow::Result<Ownership> {
    if let Some(ownership) = state_dir.own()? {
        return Ok(ownership);
    }
    streams.say("Waiting for another process to build the control planes");
    poll(LOCK_POLL, async || state_dir.own().transpose()).await
}

/// Fails if go is not installed. `instead` says what to do without it.
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
        "the sandbox {what} with Go, but `go` is not on PATH"
    ))
    .next("Install Go 1.26 or newer (https://go.dev/dl), or")
    .next(instead)
    .into())
}
