use clap::{Command, CommandFactory as _, ValueEnum as _};
use clap_complete::{Shell, generate};

use super::{BINARY, GeneratedFile};
use crate::cli::{Cli, CompletionShell};

/// The script that makes a shell complete `kubectl-failover`.
pub fn completion_script(shell: CompletionShell) -> Vec<u8> {
    match shell {
        CompletionShell::Bash => bash_script(),
        CompletionShell::Zsh => script(Shell::Zsh, BINARY),
        CompletionShell::Fish => script(Shell::Fish, BINARY),
    }
    .into_bytes()
}

fn script(shell: Shell, name: &str) -> String {
    let mut text = Vec::new();
    generate(shell, &mut visible_part(&Cli::command()), name, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The generator's script for bash knows no subcommand of a binary that has a hyphen in its name. So it is made for
/// a name without one, and the real name stands only where the script is registered, at the end of a line.
fn bash_script() -> String {
    const WITHOUT_HYPHEN: &str = "kubectl_failover";
    script(Shell::Bash, WITHOUT_HYPHEN).replace(&format!(" {WITHOUT_HYPHEN}\n"), &format!(" {BINARY}\n"))
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
