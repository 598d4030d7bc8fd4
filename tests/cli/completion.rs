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
