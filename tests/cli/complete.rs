//! What kubectl gets when it asks for completions.

use std::process::Command;

use super::support::{Link, Output, finish, run};
use crate::common::{Installed, is_here};

#[test]
fn a_command_is_completed() {
    assert_eq!(choices(&["cr"]), ["create"]);
    assert_eq!(choices(&["sandbox", "d"]), ["down", "demo"]);
    assert_eq!(choices(&["-n", "emojivoto", "sta"]), ["status"]);
}

#[test]
fn without_a_beginning_the_commands_are_offered_and_no_flags() {
    for words in [&[][..], &[""]] {
        let offered = choices(words);
        assert!(offered.contains(&"watch".to_owned()), "{offered:?}");
        assert!(offered.iter().all(|choice| !choice.starts_with('-')), "{offered:?}");
    }
}

#[test]
fn hidden_commands_are_not_offered() {
    let offered = choices(&["sandbox", ""]);
    assert!(offered.contains(&"gateway".to_owned()), "{offered:?}");
    assert!(!offered.contains(&"supervise".to_owned()), "{offered:?}");
}

#[test]
fn flags_are_completed_global_ones_too() {
    assert_eq!(choices(&["create", "web-svc", "--fall"]), ["--fallback"]);
    assert_eq!(choices(&["status", "--kubec"]), ["--kubeconfig"]);
    assert!(choices(&["status", "-"]).contains(&"--selector".to_owned()));
}

#[test]
fn the_values_of_a_flag_are_completed() {
    assert_eq!(choices(&["create", "--dry-run", ""]), ["none", "client", "server"]);
    assert_eq!(choices(&["create", "--dry-run=c"]), ["--dry-run=client"]);
    assert_eq!(choices(&["status", "-o", "w"]), ["wide"]);
    assert_eq!(choices(&["completion", ""]), ["bash", "zsh", "fish"]);
}

#[test]
fn what_nothing_is_known_about_gets_no_choices() {
    assert_eq!(choices(&["status", "--token", ""]), [""; 0]);
    assert_eq!(choices(&["no-such-command", "x"]), [""; 0]);
}

#[test]
fn a_folder_is_completed_without_a_space() {
    let link = link();
    std::fs::create_dir(link.folder().join("folder")).expect("a folder");
    let mut command = Command::new(link.path());
    let output = finish(command.args(["--kubeconfig", "fo"]).current_dir(link.folder())).exits(0);
    assert_eq!(output.stdout, "folder/\n:6\n");
}

#[test]
fn the_shells_scripts_ask_the_program_by_its_usual_names() {
    for name in ["kubectl-failover", "linkerd-failover"] {
        let link = Link::named(name);
        let answer = run(link.path(), ["__complete", "completion", "z"]).exits(0);
        assert_eq!(answer.stdout, "zsh\n:4\n");
    }
}

#[test]
fn kubectl_understands_the_answer() {
    if !is_here("kubectl") {
        return;
    }
    let installed = Installed::new();
    let output = finish(installed.command("kubectl").args(["__complete", "failover", "cr"])).exits(0);
    assert_eq!(output.stdout, "create\tMake a failover group for a service\n:4\n", "{output:#?}");
}

fn link() -> Link {
    Link::named("kubectl_complete-failover")
}

/// The choices for the last word, their meanings left out.
fn choices(words: &[&str]) -> Vec<String> {
    let Output { stdout, .. } = run(link().path(), words).exits(0);
    let (lines, directive) = stdout.trim_end().rsplit_once('\n').unwrap_or(("", stdout.trim_end()));
    assert_eq!(directive, ":4", "{stdout}");
    lines.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}
