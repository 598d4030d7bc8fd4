//! Programs written in Go, built once from pinned sources into the cache of the control planes'
//! programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use ring::digest::{SHA256, digest};
use rustix::fs::{FlockOperation, flock};

/// A program and how it is built.
#[derive(Debug)]
pub struct GoTool {
    /// The name of the program that `go install` makes.
    name: &'static str,
    go_mod: &'static str,
    go_sum: &'static str,
    flags: &'static [&'static str],
    /// How long the build takes, for those who wait.
    takes: &'static str,
    built: OnceLock<PathBuf>,
}

/// A tool whose module is a folder of `tests/fixtures`.
macro_rules! go_tool {
    ($name:literal, $takes:literal, $flags:expr) => {
        GoTool {
            name: $name,
            go_mod: include_str!(concat!("../fixtures/", $name, "/go.mod")),
            go_sum: include_str!(concat!("../fixtures/", $name, "/go.sum")),
            flags: $flags,
            takes: $takes,
            built: OnceLock::new(),
        }
    };
}

/// With the version of Kubernetes that it renders for without a cluster, which `go install` does not
/// set.
pub static HELM: GoTool = go_tool!(
    "helm",
    "3 minutes",
    &["-ldflags=-s -w \
       -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 \
       -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36"]
);
/// Without the service discoveries, which are most of it.
pub static PROMTOOL: GoTool = go_tool!(
    "promtool",
    "2 minutes",
    &["-ldflags=-s -w", "-tags=remove_all_sd,stringlabels"]
);
pub static KUBE_SCORE: GoTool = go_tool!("kube-score", "30 seconds", &["-ldflags=-s -w"]);

impl GoTool {
    /// A run of the program, which is built first where the cache has none.
    pub fn command(&self) -> Command {
        Command::new(self.program())
    }

    fn program(&self) -> &Path {
        self.built.get_or_init(|| self.build())
    }

    fn build(&self) -> PathBuf {
        let cache = cache();
        std::fs::create_dir_all(&cache).expect("the cache's folder");
        let target = cache.join(format!("{}-{}", self.name, self.key()));
        // Another test binary may build it.
        let lock = cache.join(format!("{}.lock", self.name));
        let lock = std::fs::File::create(lock).expect("the lock");
        flock(&lock, FlockOperation::LockExclusive).expect("the lock is held");
        if !target.exists() {
            let (name, takes) = (self.name, self.takes);
            eprintln!("building {name} once, about {takes} on 2 cores");
            let module = tempfile::tempdir_in(&cache).expect("a folder");
            std::fs::write(module.path().join("go.mod"), self.go_mod).expect("go.mod");
            std::fs::write(module.path().join("go.sum"), self.go_sum).expect("go.sum");
            let status = Command::new("go")
                .args(["install", "-trimpath"])
                .args(self.flags)
                .arg("tool")
                .current_dir(module.path())
                .env("GOBIN", module.path())
                .env("GOWORK", "off")
                .stdin(Stdio::null())
                .status();
            assert!(status.expect("go starts").success(), "{name} was not built");
            std::fs::rename(module.path().join(name), &target).expect("it is moved");
        }
        target
    }

    /// Changes with everything that the program is built from.
    fn key(&self) -> String {
        let sources = [self.go_mod, self.go_sum, &self.flags.concat()].concat();
        digest(&SHA256, sources.as_bytes()).as_ref()[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

fn cache() -> PathBuf {
    let set = |name| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    base.expect("HOME is set").join("kubectl-failover")
}
