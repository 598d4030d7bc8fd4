//! `completion`: the script that a shell loads.

use super::env::CommandEnv;
use crate::cli::{CompletionArgs, CompletionShell};
use crate::problem::Exit;

pub fn run(env: &CommandEnv, args: &CompletionArgs) -> anyhow::Result<Exit> {
    env.print(script(args.shell))
}

/// The scripts ask this program for choices, so they do not depend on its commands and flags.
fn script(shell: CompletionShell) -> &'static str {
    match shell {
        CompletionShell::Bash => include_str!("../../completions/kubectl-failover.bash"),
        CompletionShell::Zsh => include_str!("../../completions/_kubectl-failover"),
        CompletionShell::Fish => include_str!("../../completions/kubectl-failover.fish"),
    }
}
