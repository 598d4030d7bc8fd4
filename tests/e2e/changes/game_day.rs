//! The script in `examples/`, which the README uses for rehearsals.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{
    BINARY, Output, cluster_start_permit, plugin, processes_mentioning, repository, shared,
};

/// Runs the script, with the programs of `folder` first in PATH.
async fn play(folder: &Path) -> Output {
    let script = repository().join("examples/game-day.sh");
    // Starting the clusters builds the programs if needed, which takes longer than the script may.
    let _ = shared();
    let _permit = cluster_start_permit();
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
async fn every_step_of_the_game_day_succeeds() {
    let beside = Path::new(BINARY).parent().unwrap();
    play(beside)
        .await
        .success()
        .stdout_contains("web-svc -> web-svc-east: web-svc has no ready endpoints")
        .stdout_contains("forced to web-svc-east until ")
        .stdout_contains("ended the override; traffic is on web-svc (Primary)");
}

#[tokio::test]
async fn a_failed_step_fails_the_game_day() {
    let folder = TempDir::new().unwrap();
    let plugin = folder.path().join("kubectl-failover");
    // A plugin whose force does nothing. The waits after it are shortened.
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
        .stderr_contains("timed out after 1 s waiting for overridden and active=web-svc-east")
        .stdout_contains("already on web-svc");
}
