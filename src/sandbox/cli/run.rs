//! `sandbox run`: runs a command with a sandbox of its own.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

use anyhow::Context;
use rustix::process::Signal;
use tokio::process::Child;

use crate::cli::SandboxRunArgs;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::others;
use crate::process::signals::{Interrupted, Interrupts};
use crate::sandbox::control_plane::assets::is_executable;
use crate::sandbox::host::guard;
use crate::sandbox::host::state_dir::StateDir;
use crate::sandbox::supervisor::session::Session;

/// Runs the command with KUBECONFIG set. Returns its exit code, or 128 + n if signal n ended it.
pub async fn run(streams: &Streams, args: &SandboxRunArgs) -> anyhow::Result<Exit> {
    check_command(&args.command)?;
    let mut interrupts = Interrupts::listen()?;
    let mut session =
        Session::start(streams, StateDir::temporary()?, &args.up, &mut interrupts).await?;
    let outcome = run_command(&session, &args.command, &mut interrupts).await;
    if session.has_ended() {
        streams.say("The sandbox ended before the command did.");
    }
    session.stop().await?;
    Ok(Exit::Passed(exit_code(outcome?)))
}

/// Fails before the clusters are started if the command cannot be run.
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
    // The built programs include a kubectl.
    if name == "kubectl" || places.iter().any(|path| is_executable(path)) {
        return Ok(());
    }
    let (code, what) = if places.iter().any(|path| path.exists()) {
        (126, "is not executable")
    } else {
        (127, "was not found")
    };
    let message = format!(
        "the command {} {what}, so no cluster was started",
        name.to_string_lossy()
    );
    Err(Problem::new(message).with_exit(Exit::Passed(code)).into())
}

async fn run_command(
    session: &Session,
    command: &[OsString],
    interrupts: &mut Interrupts,
) -> anyhow::Result<ExitStatus> {
    let mut child = guard::command()?
        .args(command)
        .env("KUBECONFIG", session.state_dir.kubeconfig())
        .env("PATH", path_with(session)?)
        .spawn()
        .context("starting the command")?;
    loop {
        tokio::select! {
            status = child.wait() => return status.context("waiting for the command"),
            interrupted = interrupts.next() => forward(interrupted, &child),
        }
    }
}

/// Returns the user's PATH, followed by the folder of the built kubectl.
fn path_with(session: &Session) -> anyhow::Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain([session.assets_dir.clone()]);
    std::env::join_paths(dirs).context("extending PATH")
}

/// Forwards a signal to the command, except SIGINT, which a terminal sends to the command itself.
fn forward(Interrupted(signal): Interrupted, child: &Child) {
    if let Some(signal) = Signal::from_named_raw(signal)
        && signal != Signal::INT
    {
        // Fails only for a command of another user, such as sudo.
        let _ = others::send(child.id(), signal);
    }
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
