//! The programs that a supervisor runs. A task waits for each one's exit, and can stop it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::Context;
use parking_lot::Mutex;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::sandbox::host::{guard, state_dir, suspension};

/// A program to start, and the file for its output.
#[derive(Debug)]
pub struct Launch {
    pub cluster: String,
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub log: PathBuf,
}

/// A running program.
#[derive(Debug, Clone)]
pub struct ControlPlaneProgram {
    pub cluster: String,
    pub name: &'static str,
    pub pid: u32,
    pub log: PathBuf,
    stop: watch::Sender<bool>,
    end: watch::Receiver<Option<String>>,
}

impl ControlPlaneProgram {
    /// Waits for the program's exit, and describes it.
    pub async fn ended(&self) -> String {
        let mut end = self.end.clone();
        let outcome = end
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|end| end.clone());
        outcome.unwrap_or_else(|| "ended".to_owned())
    }

    /// Suspends or resumes the program if it runs. Returns when all its threads have followed.
    pub async fn set_suspended(&self, suspended: bool) -> anyhow::Result<()> {
        if self.end.borrow().is_some() {
            return Ok(());
        }
        suspension::set_suspended(self.pid, suspended)
            .await
            .with_context(|| format!("sending {} a signal", self.name))
    }

    /// Kills the program and waits for its exit.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        self.ended().await;
    }

    /// Returns the last lines of the program's log.
    pub fn log_tail(&self) -> String {
        last_lines(&self.log, 12)
    }
}

/// All programs that this process has started.
#[derive(Debug, Default)]
pub struct Roster {
    programs: Mutex<Vec<ControlPlaneProgram>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Roster {
    /// Starts a program under a guard. Must be called on the process's main thread: on Linux the
    /// program is killed when the thread that started it ends.
    pub fn start(&self, launch: Launch) -> anyhow::Result<ControlPlaneProgram> {
        let log = state_dir::open_log(&launch.log)?;
        let mut child = guard::command()?
            .arg(&launch.program)
            .args(&launch.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("sharing the log file")?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", launch.program.display()))?;
        let (stop, stopped) = watch::channel(false);
        let (announce, end) = watch::channel(None);
        let pid = child.id().unwrap_or_default();
        self.tasks.lock().spawn(async move {
            announce.send_replace(Some(attend(&mut child, stopped).await));
        });
        let program = ControlPlaneProgram {
            cluster: launch.cluster,
            name: launch.name,
            pid,
            log: launch.log,
            stop,
            end,
        };
        self.programs.lock().push(program.clone());
        Ok(program)
    }

    /// Kills all programs and waits for their exits.
    pub async fn stop_all(&self) {
        let programs = std::mem::take(&mut *self.programs.lock());
        for program in &programs {
            program.stop.send_replace(true);
        }
        for program in &programs {
            program.ended().await;
        }
    }
}

async fn attend(child: &mut Child, mut stopped: watch::Receiver<bool>) -> String {
    let told_to_stop = async { stopped.wait_for(|stop| *stop).await.is_ok() };
    tokio::select! {
        outcome = child.wait() => return describe(outcome),
        _ = told_to_stop => {}
    }
    // Fails only if it has ended by itself.
    let _ = child.start_kill();
    describe(child.wait().await)
}

fn describe(outcome: std::io::Result<ExitStatus>) -> String {
    match outcome {
        Ok(status) => format!("ended with {status}"),
        Err(cause) => format!("ended: {cause}"),
    }
}

/// Returns the last `count` lines of a file; empty if it cannot be read.
pub fn last_lines(path: &Path, count: usize) -> String {
    let content = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&content);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
