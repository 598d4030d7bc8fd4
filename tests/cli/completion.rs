use std::fs;
use std::process::{Command, Stdio};

use super::support::{BINARY, finish, repository, run};

const SHELLS: [(&str, &str); 3] =
    [("bash", "kubectl-failover.bash"), ("zsh", "_kubectl-failover"), ("fish", "kubectl-failover.fish")];

#[test]
fn the_command_prints_the_file_in_the_repository() {
    for (shell, file) in SHELLS {
        let expected = fs::read_to_string(repository().join("completions").join(file)).expect("the file");
        assert_eq!(run(BINARY, ["completion", shell]).exits(0).stdout, expected, "{shell}");
    }
}

#[test]
fn each_shell_that_is_here_can_read_its_script() {
    for (shell, file) in SHELLS {
        if is_here(shell) {
            finish(Command::new(shell).arg("-n").arg(repository().join("completions").join(file))).exits(0);
        }
    }
}

#[test]
fn bash_completes_commands_and_what_follows_them() {
    assert_eq!(in_bash("st"), ["status"]);
    assert_eq!(in_bash("sandbox ga"), ["gateway"]);
    assert_eq!(in_bash("sandbox up --ass"), ["--assets"]);
    assert_eq!(in_bash("create web-svc --dry-run c"), ["client"]);
}

#[test]
fn fish_completes_commands_and_what_follows_them() {
    if !is_here("fish") {
        eprintln!("fish is not here");
        return;
    }
    let script = repository().join("completions/kubectl-failover.fish");
    let ask = format!("source {}; complete -C 'kubectl-failover sandbox ga'", script.display());
    assert!(run("fish", ["-c", &ask]).exits(0).stdout.starts_with("gateway\t"));
}

/// What bash offers for the last of the words after `kubectl-failover`.
fn in_bash(words: &str) -> Vec<String> {
    const ASK: &str = r#"
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
registered=$(complete -p kubectl-failover)
registered=${registered#*-F }
"${registered%% *}" kubectl-failover "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;
    let script = repository().join("completions/kubectl-failover.bash");
    let mut bash = Command::new("bash");
    bash.args(["-c", ASK, "bash"]).arg(script).arg("kubectl-failover").args(words.split(' '));
    finish(&mut bash).exits(0).stdout.lines().map(str::to_owned).collect()
}

#[test]
fn hidden_commands_are_not_offered() {
    for (shell, _) in SHELLS {
        let script = run(BINARY, ["completion", shell]).exits(0).says("gateway").stdout;
        assert!(!script.contains("supervise"), "{shell}");
    }
}

#[test]
fn another_shell_is_a_usage_error() {
    run(BINARY, ["completion", "tcsh"]).exits(2).complains("possible values: bash, zsh, fish");
}

fn is_here(shell: &str) -> bool {
    Command::new(shell).args(["-c", "true"]).stdout(Stdio::null()).status().is_ok()
}
