//! `sandbox run`: a sandbox for as long as one command runs.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::cli::SandboxRunArgs;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::signals::{Interrupted, Interrupts};
use crate::sandbox::control_plane::assets::is_executable;
use crate::sandbox::supervisor::guard;
use crate::sandbox::supervisor::session::Session;
use crate::sandbox::supervisor::state_dir::StateDir;

/// Runs the command with KUBECONFIG set; gives its exit code, 128 + n if signal n ended it.
pub async fn run(streams: &Streams, args: &SandboxRunArgs) -> anyhow::Result<Exit> {
    check_command(&args.command)?;
    let mut interrupts = Interrupts::listen()?;
    let mut session =
        Session::start(streams, StateDir::temporary()?, &args.up, &mut interrupts).await?;
    let outcome = run_command(&session, &args.command, &mut interrupts).await;
    if session.has_ended() {
        streams.say("The sandbox had ended before the command did.");
    }
    session.stop().await?;
    Ok(Exit::Passed(exit_code(outcome?)))
}

/// Clusters are not started for a command that can't be.
fn check_command(command: &[OsString]) -> anyhow::Result<()> {
    let Some(name) = command.first() else {
        return Ok(());
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = if name.as_encoded_bytes().contains(&b'/') {
        vec![PathBuf::from(name)]
    } else {
        std::env::split_paths(&path)
            .map(|dir| dir.join(name))
            .collect()
    };
    // One is among the built programs.
    if name == "kubectl" || places.iter().any(|path| is_executable(path)) {
        return Ok(());
    }
    let (code, what) = if places.iter().any(|path| path.exists()) {
        (126, "is there, but is no program that can be run")
    } else {
        (127, "is not found")
    };
    let message = format!(
        "the command {} {what}; no cluster was started",
        name.to_string_lossy()
    );
    Err(Problem {
        exit: Exit::Passed(code),
        ..Problem::new(message)
    }
    .into())
}

async fn run_command(
    session: &Session,
    command: &[OsString],
    interrupts: &mut Interrupts,
) -> anyhow::Result<ExitStatus> {
    let mut child = guarded(command)?
        .env("KUBECONFIG", session.place().kubeconfig())
        .env("PATH", path_with(session)?)
        .spawn()
        .context("starting the command")?;
    loop {
        tokio::select! {
            status = child.wait() => return status.context("waiting for the command"),
            interrupted = interrupts.next() => pass_on(interrupted, &child),
        }
    }
}

fn guarded(command: &[OsString]) -> anyhow::Result<Command> {
    let mut guarded = guard::command()?;
    guarded.args(command);
    Ok(guarded)
}

/// The user's PATH, then the folder of the built kubectl, for those who have none of their own.
fn path_with(session: &Session) -> anyhow::Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain([session.assets_dir.clone()]);
    std::env::join_paths(dirs).context("extending PATH")
}

/// A terminal sends SIGINT to the command itself; the other signals reach only this process.
fn pass_on(Interrupted(signal): Interrupted, child: &Child) {
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    if let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(signal))
        && signal != Signal::INT
    {
        // Fails only if the command has ended, which the caller is about to see.
        let _ = kill_process(pid, signal);
    }
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
