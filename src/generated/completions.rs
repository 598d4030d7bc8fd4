use clap::{Command, CommandFactory as _, ValueEnum as _};
use clap_complete::{Shell, generate};

use super::{BINARY, GeneratedFile};
use crate::cli::{Cli, CompletionShell};

/// The script that makes a shell complete `kubectl-failover`.
pub fn completion_script(shell: CompletionShell) -> Vec<u8> {
    let generator = match shell {
        CompletionShell::Bash => Shell::Bash,
        CompletionShell::Zsh => Shell::Zsh,
        CompletionShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(generator, &mut visible_part(&Cli::command()), BINARY, &mut script);
    script
}

pub fn files() -> impl Iterator<Item = GeneratedFile> {
    CompletionShell::value_variants().iter().map(|&shell| GeneratedFile {
        path: format!("completions/{}", file_name(shell)).into(),
        content: completion_script(shell),
    })
}

fn file_name(shell: CompletionShell) -> &'static str {
    match shell {
        CompletionShell::Bash => "kubectl-failover.bash",
        CompletionShell::Zsh => "_kubectl-failover",
        CompletionShell::Fish => "kubectl-failover.fish",
    }
}

/// A copy without what is hidden, which the shells' generators would offer like the rest.
fn visible_part(command: &Command) -> Command {
    let mut copy = Command::new(command.get_name().to_owned())
        .disable_help_subcommand(true)
        .args(command.get_arguments().filter(|argument| !argument.is_hide_set()).cloned())
        .subcommands(command.get_subcommands().filter(|sub| !sub.is_hide_set()).map(visible_part))
        .visible_aliases(command.get_visible_aliases().map(str::to_owned));
    if let Some(about) = command.get_about() {
        copy = copy.about(about.clone());
    }
    if let Some(version) = command.get_version() {
        copy = copy.version(version.to_owned());
    }
    copy
}
