//! The plugin under its other names, as after an installation, and how the shells complete it.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::command::{BINARY, repository};

/// The plugin under all its names in a folder at the front of PATH, as after an installation.
pub struct Installed {
    folder: tempfile::TempDir,
}

const NAMES: [&str; 3] = [
    "kubectl-failover",
    "linkerd-failover",
    "kubectl_complete-failover",
];

/// Calls the registered function as bash does when Tab is pressed, and prints the completions. Its
/// words arrive split as bash splits them.
const IN_BASH: &str = r#"
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
registered=$(complete -p "$1")
registered=${registered#*-F }
"${registered%% *}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// The same for zsh. Its own `_describe` works only on a terminal.
const IN_ZSH: &str = r#"
compdef() { : }
_describe() { print -rl -- "${(@P)2}" }
source "$1"
shift
words=("$@")
CURRENT=$#
PREFIX=${words[-1]}
_kubectl_failover
"#;

impl Installed {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in NAMES {
            symlink(BINARY, folder.path().join(name)).expect("a link");
        }
        Self { folder }
    }

    /// PATH with the plugin.
    pub fn path(&self) -> OsString {
        let before = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            std::iter::once(self.folder.path().to_owned()).chain(std::env::split_paths(&before));
        std::env::join_paths(folders).expect("a PATH")
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", self.path()).stdin(Stdio::null());
        command
    }

    /// Completes the last of these words with bash.
    pub fn bash(&self, words: &[&str]) -> Command {
        let mut bash = self.command("bash");
        bash.args(["-c", IN_BASH, "bash"])
            .arg(script("kubectl-failover.bash"))
            .args(words);
        bash
    }

    /// Completes the last of these words with zsh. A colon separates a completion from its
    /// description.
    pub fn zsh(&self, words: &[&str]) -> Command {
        let mut zsh = self.command("zsh");
        zsh.args(["-fc", IN_ZSH, "zsh"])
            .arg(script("_kubectl-failover"))
            .args(words);
        zsh
    }

    /// Completes the end of a line with fish. A tab separates a completion from its description.
    pub fn fish(&self, line: &str) -> Command {
        let source = format!(
            "source {}; complete -C {line:?}",
            script("kubectl-failover.fish").display()
        );
        let mut fish = self.command("fish");
        fish.args(["--no-config", "-c", &source]);
        fish
    }
}

fn script(name: &str) -> PathBuf {
    repository().join("completions").join(name)
}

/// The plugin under one other name, as long as the folder lives.
pub struct Link {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Link {
    pub fn named(name: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        symlink(BINARY, folder.path().join(name)).expect("a link");
        Self { folder, name }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Whether a program is installed on this machine.
pub fn is_here(program: &str) -> bool {
    let here = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !here {
        eprintln!("{program} is not here");
    }
    here
}
