//! `sandbox guard`: arranges that a program is killed when its parent ends, then becomes the
//! program.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Context;

use crate::cli::SandboxGuardArgs;
use crate::problem::{Exit, Problem};

/// Replaces this process with the program. Returns only if that fails.
pub fn run(args: &SandboxGuardArgs) -> anyhow::Result<Exit> {
    end_with_parent().context("asking to be ended with the parent")?;
    // If the parent ended before the line above, no signal will arrive.
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if parent != i32::try_from(args.parent).ok() {
        return Err(Problem::new(format!("the parent, process {}, has ended", args.parent)).into());
    }
    let (program, arguments) = args
        .command
        .split_first()
        .ok_or_else(|| Problem::usage("there is no program to start"))?;
    let failure = Command::new(program).args(arguments).exec();
    // A shell's exit codes: the command was not found, or could not be executed.
    let code = if failure.kind() == std::io::ErrorKind::NotFound {
        127
    } else {
        126
    };
    let message = format!("starting {}: {failure}", program.to_string_lossy());
    Err(Problem::new(message).with_exit(Exit::Passed(code)).into())
}

#[cfg(target_os = "linux")]
fn end_with_parent() -> std::io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(
        rustix::process::Signal::KILL,
    ))?)
}

/// Other systems have no such signal: only the supervisor and `sandbox down` stop programs there.
#[cfg(not(target_os = "linux"))]
fn end_with_parent() -> std::io::Result<()> {
    Ok(())
}

/// Returns a command that runs a program under a guard of this process. The caller adds the program
/// as arguments.
pub fn command() -> anyhow::Result<tokio::process::Command> {
    let itself = std::env::current_exe().context("finding this program's own file")?;
    let mut command = tokio::process::Command::new(itself);
    command.args([
        "sandbox",
        "guard",
        "--parent",
        &std::process::id().to_string(),
        "--",
    ]);
    Ok(command)
}
