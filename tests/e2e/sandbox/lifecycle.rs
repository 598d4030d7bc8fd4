//! Starting and ending a sandbox. Nothing is left behind.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::{
    Plugin, cluster_start_permit, eventually, plugin, processes_mentioning, shared,
};

/// How long clusters may take to start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn run_passes_on_the_exit_code_and_sets_kubeconfig() {
    let _permit = cluster_start_permit();
    let home = TempDir::new().unwrap();
    let script = r#"echo "$KUBECONFIG"; grep current-context "$KUBECONFIG"; exit 7"#;
    let output = sandbox(
        &home,
        ["run", "--clusters", "solo", "--", "sh", "-c", script],
    )
    .run()
    .await
    .code(7);
    assert!(
        output.stdout.starts_with(home.path().to_str().unwrap()),
        "{output}"
    );
    output.stdout_contains("current-context: solo");
    assert_nothing_left(&home);
}

#[tokio::test]
async fn run_reports_the_signal_that_ended_the_command() {
    let _permit = cluster_start_permit();
    let home = TempDir::new().unwrap();
    sandbox(
        &home,
        ["run", "--clusters", "solo", "--", "sh", "-c", "kill -9 $$"],
    )
    .run()
    .await
    .code(137);
    assert_nothing_left(&home);
}

#[tokio::test]
async fn up_runs_until_down_and_leaves_nothing() {
    let _permit = cluster_start_permit();
    let home = TempDir::new().unwrap();
    let state = home.path().join("kubectl-failover/sandbox/up");
    let up = || sandbox(&home, ["up", "--clusters", "solo"]).run();
    // A shell evaluates all of standard output.
    let exports = format!("export KUBECONFIG={}/kubeconfig\n", state.display());
    let first = up().await.success().stdout_is(&exports);
    first.stderr_contains("kubectl failover sandbox down");
    let again = up().await.success().stdout_is(&exports);
    again.stderr_contains("already running");
    let other = sandbox(&home, ["up", "--clusters", "solo,duo"])
        .run()
        .await
        .code(1);
    other
        .stderr_contains("has other clusters: solo, not duo, solo")
        .stderr_contains("kubectl failover sandbox up --clusters solo,duo");
    let status = async || {
        sandbox(&home, ["status"])
            .run()
            .await
            .success()
            .stdout_contains("kube-apiserver")
            .stdout
    };
    kill(pid_in(&status().await, "kwok"), Signal::KILL);
    eventually("the end of kwok is shown", async || {
        let shown = status().await;
        if shown.contains("ended with signal: 9") {
            Ok(())
        } else {
            Err(shown)
        }
    })
    .await;
    up().await
        .code(1)
        .stderr_contains("incomplete: kwok of solo ended with signal: 9");
    sandbox(&home, ["down"]).run().await.success();
    assert_nothing_left(&home);
    sandbox(&home, ["down"])
        .run()
        .await
        .success()
        .stdout_contains("No sandbox is running");
}

#[tokio::test]
async fn down_cleans_up_after_a_killed_supervisor() {
    let _permit = cluster_start_permit();
    let home = TempDir::new().unwrap();
    sandbox(&home, ["up", "--clusters", "solo"])
        .run()
        .await
        .success();
    let status = sandbox(&home, ["status"]).run().await.success().stdout;
    kill(pid_in(&status, "supervisor"), Signal::KILL);
    until_no_process(&home).await;
    sandbox(&home, ["down"]).run().await.success();
    assert_nothing_left(&home);
}

#[tokio::test]
async fn a_killed_run_leaves_no_process_and_no_file() {
    let _permit = cluster_start_permit();
    let home = TempDir::new().unwrap();
    let script = r#"dirname "$KUBECONFIG"; exec sleep 1000"#;
    let mut running = sandbox(
        &home,
        ["run", "--clusters", "solo", "--", "sh", "-c", script],
    )
    .spawn();
    let line = running.line_within(START_LIMIT).await;
    let dir = PathBuf::from(line.expect("the command has run"));
    running.end_with(Signal::KILL).await;
    until_no_process(&home).await;
    eventually("the folder is gone", async || {
        (!dir.exists()).then_some(()).ok_or("it is there".into())
    })
    .await;
}

#[tokio::test]
async fn a_missing_command_starts_no_cluster() {
    let home = TempDir::new().unwrap();
    let run = async |command| {
        sandbox(&home, ["run", "--clusters", "solo", "--", command])
            .run()
            .await
    };
    for command in ["/nonexistent", "no-such-program"] {
        run(command)
            .await
            .code(127)
            .stderr_contains("was not found")
            .stderr_lacks("Starting");
    }
    run("/etc/passwd")
        .await
        .code(126)
        .stderr_contains("is not executable")
        .stderr_lacks("Starting");
    assert_nothing_left(&home);
}

#[tokio::test]
async fn an_interrupted_start_leaves_nothing() {
    let _permit = cluster_start_permit();
    let home = TempDir::new().unwrap();
    for arguments in [&["up"] as &[&str], &["demo"], &["run", "--", "true"]] {
        let mut running = sandbox(&home, []).args(arguments.to_vec()).spawn();
        running.stderr_line_containing("Starting").await;
        let status = running.end_with(Signal::INT).await;
        assert_eq!(status.code(), Some(130), "{arguments:?}");
        assert_nothing_left(&home);
    }
}

#[tokio::test]
async fn a_failed_start_shows_the_log_and_leaves_nothing() {
    let home = TempDir::new().unwrap();
    let assets = useless_programs();
    let output = sandbox(&home, ["up", "--assets", assets.path().to_str().unwrap()])
        .run()
        .await
        .code(1);
    output
        .stderr_contains("did not start: etcd ended")
        .stderr_contains("last lines of its log");
    assert_nothing_left(&home);
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let home = TempDir::new().unwrap();
    let assets = TempDir::new().unwrap();
    symlink("/bin/false", assets.path().join("server")).unwrap();
    let output = sandbox(&home, ["up", "--assets", assets.path().to_str().unwrap()])
        .run()
        .await
        .code(1);
    output.stderr_contains("no executable kube-apiserver, kube-controller-manager, kwok");
}

#[tokio::test]
async fn a_missing_go_is_reported_with_advice() {
    let home = TempDir::new().unwrap();
    let empty = home.path().join("empty");
    let output = sandbox(&home, ["up"])
        .env("PATH", &empty)
        .env("XDG_CACHE_HOME", &empty)
        .run()
        .await
        .code(1);
    output
        .stderr_contains("Install Go 1.26 or newer")
        .stderr_contains("--assets DIR");
}

#[tokio::test]
async fn missing_definitions_are_named() {
    let home = TempDir::new().unwrap();
    let assets = useless_programs();
    let up = sandbox(&home, ["up", "--assets", assets.path().to_str().unwrap()]);
    let empty = home.path().join("empty");
    let output = up
        .env("PATH", &empty)
        .env("XDG_CACHE_HOME", &empty)
        .run()
        .await
        .code(1);
    output
        .stderr_contains("the route definitions")
        .stderr_contains("gateway.networking.k8s.io_httproutes.yaml: --assets DIR");
}

#[tokio::test]
async fn clusters_need_valid_names() {
    let home = TempDir::new().unwrap();
    sandbox(&home, ["up", "--clusters", "west,West"])
        .run()
        .await
        .code(2)
        .stderr_contains("\"West\"");
    sandbox(&home, ["up", "--clusters", "west,west"])
        .run()
        .await
        .code(2)
        .stderr_contains("named twice");
}

/// Runs sandbox commands with a state folder of their own.
pub fn sandbox<const N: usize>(home: &TempDir, args: [&str; N]) -> Plugin {
    // Starting the clusters builds the programs if needed, which takes longer than the commands
    // here may.
    let _ = shared();
    plugin()
        .args(["sandbox"])
        .args(args)
        .without_clusters()
        .env("XDG_STATE_HOME", home.path())
}

/// A folder with all programs. They do nothing.
fn useless_programs() -> TempDir {
    let dir = TempDir::new().unwrap();
    for name in [
        "server",
        "kube-apiserver",
        "kube-controller-manager",
        "kwok",
    ] {
        symlink("/bin/false", dir.path().join(name)).unwrap();
    }
    dir
}

/// The process of a program in the output of `status`: `kwok  process 123`.
fn pid_in(status: &str, program: &str) -> Pid {
    let line = status
        .lines()
        .find(|line| line.trim_start().starts_with(program))
        .unwrap();
    let word = line
        .split_whitespace()
        .skip_while(|word| *word != "process")
        .nth(1)
        .unwrap();
    Pid::from_raw(word.trim_end_matches(',').parse().unwrap()).unwrap()
}

fn kill(pid: Pid, signal: Signal) {
    kill_process(pid, signal).unwrap();
}

async fn until_no_process(home: &TempDir) {
    eventually("no process is left", async || {
        let left = processes_mentioning(home.path().to_str().unwrap());
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.join("\n"))
        }
    })
    .await;
}

#[track_caller]
pub fn assert_nothing_left(home: &TempDir) {
    assert_eq!(
        processes_mentioning(home.path().to_str().unwrap()),
        Vec::<String>::new()
    );
    let files: Vec<_> = std::fs::read_dir(home.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert_eq!(files, Vec::<PathBuf>::new());
}
