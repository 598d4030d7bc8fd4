//! `completion`: the script that a shell loads.

use crate::cli::{CompletionArgs, CompletionShell};
use crate::problem::Exit;

pub fn run(args: &CompletionArgs) -> anyhow::Result<Exit> {
    super::print(script(args.shell))
}

/// The scripts ask the program itself for choices, so they stay as they are when commands and flags change.
fn script(shell: CompletionShell) -> &'static str {
    match shell {
        CompletionShell::Bash => include_str!("../../completions/kubectl-failover.bash"),
        CompletionShell::Zsh => include_str!("../../completions/_kubectl-failover"),
        CompletionShell::Fish => include_str!("../../completions/kubectl-failover.fish"),
    }
}
