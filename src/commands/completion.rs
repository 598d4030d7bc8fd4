//! `completion`: the script that a shell loads.

use std::io::Write as _;

use crate::cli::{CompletionArgs, CompletionShell};
use crate::problem::Exit;

pub fn run(args: &CompletionArgs) -> anyhow::Result<Exit> {
    std::io::stdout()
        .lock()
        .write_all(script(args.shell).as_bytes())?;
    Ok(Exit::Done)
}

/// The scripts ask the program itself for choices, so they stay as they are when commands and flags change.
fn script(shell: CompletionShell) -> &'static str {
    match shell {
        CompletionShell::Bash => include_str!("../../completions/kubectl-failover.bash"),
        CompletionShell::Zsh => include_str!("../../completions/_kubectl-failover"),
        CompletionShell::Fish => include_str!("../../completions/kubectl-failover.fish"),
    }
}
