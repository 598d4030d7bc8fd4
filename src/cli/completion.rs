//! The arguments of `completion`.

use clap::{Args, ValueEnum};

use super::spec::CommandSpec;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl-failover completion bash > ~/.local/share/bash-completion/completions/kubectl-failover
  kubectl-failover completion zsh > ~/.local/share/zsh/site-functions/_kubectl-failover
  kubectl-failover completion fish > ~/.config/fish/completions/kubectl-failover.fish",
);

#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Shell to print the script for
    #[arg(value_enum)]
    pub shell: CompletionShell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompletionShell {
    Bash,
    Zsh,
    Fish,
}
