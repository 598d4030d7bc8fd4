//! The script in `examples/`, as the README tells people to rehearse it.

use std::path::Path;

use tempfile::TempDir;

use crate::support::{plugin, processes_mentioning, shared};

#[tokio::test]
async fn the_game_day_holds_step_by_step() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/game-day.sh");
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
