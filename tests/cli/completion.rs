//! The completion scripts of each shell.

use std::fs;
use std::process::Command;

use crate::support::{BINARY, Installed, Output, finish, is_here, repository, run};

const SHELLS: [(&str, &str); 3] = [
    ("bash", "kubectl-failover.bash"),
    ("zsh", "_kubectl-failover"),
    ("fish", "kubectl-failover.fish"),
];

#[test]
fn the_command_prints_the_file_in_the_repository() {
    for (shell, file) in SHELLS {
        let expected =
            fs::read_to_string(repository().join("completions").join(file)).expect("the file");
        assert_eq!(
            run(BINARY, ["completion", shell]).success().stdout,
            expected,
            "{shell}"
        );
    }
}

#[test]
fn each_installed_shell_can_read_its_script() {
    for (shell, file) in SHELLS {
        if is_here(shell) {
            finish(
                Command::new(shell)
                    .arg("-n")
                    .arg(repository().join("completions").join(file)),
            )
            .success();
        }
    }
}

#[test]
fn bash_completes_commands_and_what_follows_them() {
    assert_eq!(in_bash(&["st"]), ["status"]);
    assert_eq!(in_bash(&["sandbox", "ga"]), ["gateway"]);
    assert_eq!(in_bash(&["sandbox", "up", "--ass"]), ["--assets"]);
    assert_eq!(
        in_bash(&["create", "web-svc", "--dry-run", "=", "c"]),
        ["client"]
    );
    assert_eq!(
        in_bash(&["create", "web-svc", "--dry-run", "="]),
        ["none", "client", "server"]
    );
}

#[test]
fn bash_completes_names_that_it_splits_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let entry = |name: &str| format!("- {{name: '{name}', context: {{cluster: c}}}}\n");
    let contexts = ["arn:aws:eks:1:cluster/web", "me@kind", "with space"]
        .map(entry)
        .concat();
    fs::write(&kubeconfig, format!("contexts:\n{contexts}")).expect("a kubeconfig");
    let installed = Installed::new();
    let offered = |words: &[&str]| {
        let words = [&["linkerd-failover", "--context"], words].concat();
        lines(finish(
            installed.bash(&words).env("KUBECONFIG", &kubeconfig),
        ))
    };
    assert_eq!(
        offered(&["arn", ":", "aws", ":", "e"]),
        ["eks:1:cluster/web"]
    );
    assert_eq!(offered(&["arn", ":"]), ["aws:eks:1:cluster/web"]);
    assert_eq!(offered(&["me", "@", "k"]), ["kind"]);
    assert_eq!(offered(&["with\\ s"]), ["with\\ space"]);
}

#[test]
fn zsh_completes_commands_and_what_follows_them() {
    if !is_here("zsh") {
        return;
    }
    let installed = Installed::new();
    let offered = |words: &[&str]| lines(finish(&mut installed.zsh(words)));
    assert_eq!(
        offered(&["kubectl-failover", "create", "web-svc", "--dry-run=c"]),
        ["--dry-run=client"]
    );
    let gateway = offered(&["kubectl-failover", "sandbox", "ga"]);
    assert!(
        gateway.len() == 1 && gateway[0].starts_with("gateway:"),
        "{gateway:?}"
    );
}

#[test]
fn fish_completes_commands_and_what_follows_them() {
    if !is_here("fish") {
        return;
    }
    let installed = Installed::new();
    for program in ["kubectl-failover", "linkerd-failover"] {
        let mut fish = installed.fish(&format!("{program} sandbox ga"));
        assert!(finish(&mut fish).success().stdout.starts_with("gateway\t"));
    }
}

/// Completes the last of the words after `kubectl-failover` with bash.
fn in_bash(words: &[&str]) -> Vec<String> {
    let words = [&["kubectl-failover"], words].concat();
    lines(finish(&mut Installed::new().bash(&words)))
}

fn lines(output: Output) -> Vec<String> {
    output.success().stdout.lines().map(str::to_owned).collect()
}

#[test]
fn another_shell_is_a_usage_error() {
    run(BINARY, ["completion", "tcsh"])
        .code(2)
        .stderr_contains("possible values: bash, zsh, fish");
}
