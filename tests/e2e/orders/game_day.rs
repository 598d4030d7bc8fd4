//! The script in `examples/`, as the README tells people to rehearse it.

use std::path::Path;

use clap::CommandFactory as _;
use kubectl_failover::cli::Cli;
use tempfile::TempDir;

use crate::support::{plugin, processes_mentioning, shared};

/// What the script waits with. The test begins to count as soon as the command line has it.
fn status_can_wait() -> bool {
    let root = Cli::command();
    let status = root.find_subcommand("status").unwrap();
    status.get_arguments().any(|argument| argument.get_long() == Some("for"))
}

#[tokio::test]
async fn the_game_day_holds_step_by_step() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/game-day.sh");
    assert!(std::fs::read_to_string(&script).unwrap().contains("status web-svc --for"));
    if !status_can_wait() {
        eprintln!("not run: status has no --for yet");
        return;
    }
    // Its start builds the programs if need be, which would take longer than the script may.
    let _ = shared();
    let home = TempDir::new().unwrap();
    let beside = Path::new(env!("CARGO_BIN_EXE_kubectl-failover")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(beside.to_owned()).chain(std::env::split_paths(&path));
    let output = plugin()
        .without_clusters()
        .args(["sandbox", "run", "--"])
        .args([&script])
        .env("XDG_STATE_HOME", home.path())
        .env("PATH", std::env::join_paths(path).unwrap())
        .run()
        .await
        .success();
    output
        .stdout_contains("web-svc -> web-svc-east: web-svc has no ready endpoints")
        .stdout_contains("forced to web-svc-east until ")
        .stdout_contains("the override is ended; now web-svc carries the traffic (Primary)")
        .stdout_contains("\"web-svc-failover\" deleted");
    assert_eq!(processes_mentioning(home.path().to_str().unwrap()), Vec::<String>::new());
}
