//! Helm, built once from pinned sources into the cache of the control planes' programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use ring::digest::{SHA256, digest};
use rustix::fs::{FlockOperation, flock};

use super::command::{finish, repository};
use super::output::Output;

const GO_MOD: &str = include_str!("../fixtures/helm/go.mod");
const GO_SUM: &str = include_str!("../fixtures/helm/go.sum");
/// The version of Kubernetes that Helm renders for without a cluster: `go install` does not set it.
const LINKER_FLAGS: &str = "-ldflags=-s -w \
                            -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 \
                            -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36";

/// The folder of the chart.
pub fn chart() -> PathBuf {
    repository().join("deploy/helm/linkerd-failover")
}

/// Runs Helm.
pub fn helm(args: &[&str]) -> Output {
    finish(&mut helm_command(args))
}

/// A run of Helm with files of its own, and no others of the user.
pub fn helm_command(args: &[&str]) -> Command {
    let mut command = Command::new(program());
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(variable, env!("CARGO_TARGET_TMPDIR"));
    }
    command.args(args);
    command
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(build)
}

fn build() -> PathBuf {
    let sources = [GO_MOD, GO_SUM, LINKER_FLAGS].concat();
    let key: String = digest(&SHA256, sources.as_bytes()).as_ref()[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let cache = cache();
    std::fs::create_dir_all(&cache).expect("the cache's folder");
    let target = cache.join(format!("helm-{key}"));
    // Another test binary may build it.
    let lock = std::fs::File::create(cache.join("helm.lock")).expect("the lock");
    flock(&lock, FlockOperation::LockExclusive).expect("the lock is held");
    if !target.exists() {
        eprintln!("building helm once, about 3 minutes on 2 cores");
        let module = tempfile::tempdir_in(&cache).expect("a folder");
        std::fs::write(module.path().join("go.mod"), GO_MOD).expect("go.mod");
        std::fs::write(module.path().join("go.sum"), GO_SUM).expect("go.sum");
        let status = Command::new("go")
            .args(["install", "-trimpath", LINKER_FLAGS, "tool"])
            .current_dir(module.path())
            .env("GOBIN", module.path())
            .env("GOWORK", "off")
            .stdin(Stdio::null())
            .status();
        assert!(status.expect("go starts").success(), "helm was not built");
        std::fs::rename(module.path().join("helm"), &target).expect("helm is moved");
    }
    target
}

fn cache() -> PathBuf {
    let set = |name| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    base.expect("HOME is set").join("kubectl-failover")
}
