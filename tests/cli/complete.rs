//! The answers to kubectl's requests for completions.

use std::process::Command;

use crate::support::{Installed, Link, Output, finish, is_here, run};

const NOWHERE: &str = "http://127.0.0.1:1";

#[test]
fn a_command_is_completed() {
    assert_eq!(choices(&["cr"]), ["create"]);
    assert_eq!(choices(&["sandbox", "d"]), ["down", "demo"]);
    assert_eq!(choices(&["-n", "emojivoto", "sta"]), ["status"]);
}

#[test]
fn commands_but_no_flags_complete_an_empty_word() {
    for words in [&[][..], &[""]] {
        let offered = choices(words);
        assert!(offered.contains(&"watch".to_owned()), "{offered:?}");
        assert!(
            offered.iter().all(|choice| !choice.starts_with('-')),
            "{offered:?}"
        );
    }
}

#[test]
fn hidden_commands_are_not_offered() {
    let offered = choices(&["sandbox", ""]);
    assert!(offered.contains(&"gateway".to_owned()), "{offered:?}");
    assert!(!offered.contains(&"supervise".to_owned()), "{offered:?}");
}

#[test]
fn flags_and_global_flags_are_completed() {
    let fallbacks = ["--fallback", "--fallback-cluster"];
    assert_eq!(choices(&["create", "web-svc", "--fall"]), fallbacks);
    assert_eq!(choices(&["status", "--kubec"]), ["--kubeconfig"]);
    assert!(choices(&["status", "-"]).contains(&"--selector".to_owned()));
}

#[test]
fn the_values_of_a_flag_are_completed() {
    assert_eq!(
        choices(&["create", "--dry-run="]),
        ["--dry-run=none", "--dry-run=client", "--dry-run=server"]
    );
    assert_eq!(choices(&["create", "--dry-run=c"]), ["--dry-run=client"]);
    assert_eq!(choices(&["status", "-o", "w"]), ["wide"]);
    assert_eq!(choices(&["completion", ""]), ["bash", "zsh", "fish"]);
}

#[test]
fn conditions_are_states_and_flags_or_their_negations() {
    let condition = |begun: &str| choices(&["--server", NOWHERE, "status", "--for", begun]);
    assert_eq!(condition("Fail"), ["Failover"]);
    assert_eq!(
        condition("un"),
        ["unverified", "unattended", "unknown", "unavailable"]
    );
    assert_eq!(condition("!held"), ["!held"]);
    assert_eq!(condition("Primary,!sho"), ["Primary,!short"]);
    assert!(condition("").contains(&"OutOfSync".to_owned()));
}

/// A flag in the place of a name would be taken for one.
#[test]
fn a_name_is_not_completed_when_no_server_answers() {
    for command in [
        &["status"][..],
        &["force", "web"],
        &["create"],
        &["history"],
        &["traffic"],
    ] {
        let words = [&["--server", NOWHERE], command, &[""]].concat();
        assert_eq!(choices(&words), [""; 0], "{command:?}");
    }
    assert!(
        choices(&["--server", NOWHERE, "create", "web", ""]).contains(&"--fallback".to_owned())
    );
    assert!(choices(&["watch", ""]).contains(&"--once".to_owned()));
}

#[test]
fn the_sandboxs_clusters_have_gateways() {
    let home = tempfile::tempdir().expect("a folder");
    let place = home.path().join("kubectl-failover/sandbox/up");
    std::fs::create_dir_all(&place).expect("a sandbox's folder");
    let cluster = |name: &str| serde_json::json!({"name": name, "server": "", "gateway": "up", "partitioned": false, "programs": []});
    let state = serde_json::json!({
        "supervisor": 1, "ready": true, "assets": "", "clusters": [cluster("west"), cluster("east")],
    });
    std::fs::write(place.join("state.json"), state.to_string()).expect("a sandbox's state");
    let link = link();
    let mut command = Command::new(link.path());
    let output = finish(
        command
            .args(["sandbox", "gateway", "e"])
            .env("XDG_STATE_HOME", home.path()),
    );
    assert_eq!(output.stdout, "east\tits gateway is up\n:4\n");
}

#[test]
fn an_unknown_value_has_no_completions() {
    assert_eq!(choices(&["status", "--token", ""]), [""; 0]);
    assert_eq!(choices(&["no-such-command", "x"]), [""; 0]);
}

#[test]
fn a_folder_is_completed_without_a_space() {
    let link = link();
    std::fs::create_dir(link.folder().join("folder")).expect("a folder");
    let mut command = Command::new(link.path());
    let output = finish(
        command
            .args(["--kubeconfig", "fo"])
            .current_dir(link.folder()),
    )
    .success();
    assert_eq!(output.stdout, "folder/\n:6\n");
}

#[test]
fn shell_scripts_call_the_program_by_its_usual_names() {
    for name in ["kubectl-failover", "linkerd-failover"] {
        let link = Link::named(name);
        let answer = run(link.path(), ["__complete", "completion", "z"]).success();
        assert_eq!(answer.stdout, "zsh\n:4\n");
    }
}

#[test]
fn kubectl_understands_the_answer() {
    if !is_here("kubectl") {
        return;
    }
    let installed = Installed::new();
    let output = finish(
        installed
            .command("kubectl")
            .args(["__complete", "failover", "cr"]),
    )
    .success();
    assert_eq!(
        output.stdout, "create\tCreate a failover group for a service\n:4\n",
        "{output}"
    );
}

fn link() -> Link {
    Link::named("kubectl_complete-failover")
}

/// The choices for the last word, without descriptions.
fn choices(words: &[&str]) -> Vec<String> {
    let Output { stdout, .. } = run(link().path(), words).success();
    let (lines, directive) = stdout
        .trim_end()
        .rsplit_once('\n')
        .unwrap_or(("", stdout.trim_end()));
    assert_eq!(directive, ":4", "{stdout}");
    lines
        .lines()
        .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
        .collect()
}
