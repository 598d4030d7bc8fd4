//! The script in `examples/`, as the README tells people to rehearse it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{BINARY, Output, plugin, processes_mentioning, repository, shared};

/// Plays it, with the programs of `folder` before all others.
async fn play(folder: &Path) -> Output {
    let script = repository().join("examples/game-day.sh");
    // Its start builds the programs if need be, which would take longer than the script may.
    let _ = shared();
    let home = TempDir::new().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let output = plugin()
        .without_clusters()
        .args(["sandbox", "run", "--"])
        .args([&script])
        .env("XDG_STATE_HOME", home.path())
        .env("PATH", std::env::join_paths(path).unwrap())
        .run()
        .await;
    assert_eq!(
        processes_mentioning(home.path().to_str().unwrap()),
        Vec::<String>::new(),
        "{output}"
    );
    output.stdout_contains("\"web-svc-failover\" deleted")
}

#[tokio::test]
async fn the_game_day_holds_step_by_step() {
    let beside = Path::new(BINARY).parent().unwrap();
    play(beside)
        .await
        .success()
        .stdout_contains("web-svc -> web-svc-east: web-svc has no ready endpoints")
        .stdout_contains("forced to web-svc-east until ")
        .stdout_contains("the override is ended; now web-svc carries the traffic (Primary)");
}

#[tokio::test]
async fn a_step_that_does_not_hold_fails_it() {
    let folder = TempDir::new().unwrap();
    let plugin = folder.path().join("kubectl-failover");
    // A plugin whose force does nothing; what is then waited for is not waited for long.
    let fake = format!(
        "#!/usr/bin/env bash\n\
         case $1 in force) touch \"$0.forced\"; exit ;; esac\n\
         [[ $1 == status && -e $0.forced ]] && set -- \"${{@/30s/1s}}\"\n\
         exec {} \"$@\"\n",
        BINARY
    );
    std::fs::write(&plugin, fake).unwrap();
    std::fs::set_permissions(&plugin, Permissions::from_mode(0o755)).unwrap();
    play(folder.path())
        .await
        .code(3)
        .stderr_contains("not met within 1 s: overridden and active=web-svc-east")
        .stdout_contains("web-svc has the traffic already");
}
