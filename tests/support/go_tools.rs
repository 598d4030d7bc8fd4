//! Programs written in Go and files of Go modules, built and downloaded once from pinned sources
//! into the cache of the control planes' programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use ring::digest::{SHA256, digest};
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

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
        let sources = [self.go_mod, self.go_sum, &self.flags.concat()];
        in_cache(self.name, &sources, |module| {
            let (name, takes) = (self.name, self.takes);
            eprintln!("building {name} once, about {takes} on 2 cores");
            let status = Command::new("go")
                .args(["install", "-trimpath"])
                .args(self.flags)
                .arg("tool")
                .current_dir(module)
                .env("GOBIN", module)
                .env("GOWORK", "off")
                .stdin(Stdio::null())
                .status();
            assert!(status.expect("go starts").success(), "{name} was not built");
            module.join(name)
        })
    }
}

/// The Prometheus Operator's own definitions of PodMonitors and PrometheusRules.
pub fn prometheus_definitions() -> Vec<Value> {
    const FILES: [&str; 2] = ["podmonitors.yaml", "prometheusrules.yaml"];
    let (name, path) = (
        "prometheus-operator",
        "github.com/prometheus-operator/prometheus-operator",
    );
    let go_mod = include_str!("../fixtures/prometheus-operator/go.mod");
    let go_sum = include_str!("../fixtures/prometheus-operator/go.sum");
    let folder = in_cache(name, &[go_mod, go_sum], |module| {
        let download = Command::new("go")
            .args(["mod", "download", "-json", path])
            .current_dir(module)
            .env("GOWORK", "off")
            .output();
        let downloaded: Value =
            serde_json::from_slice(&download.expect("go starts").stdout).expect("JSON");
        let source = Path::new(downloaded["Dir"].as_str().expect("a folder"));
        let copies = module.join("copies");
        std::fs::create_dir(&copies).expect("a folder");
        for file in FILES {
            let original = format!("example/prometheus-operator-crd/monitoring.coreos.com_{file}");
            let text = std::fs::read(source.join(original)).expect("a definition");
            std::fs::write(copies.join(file), text).expect("a copy");
        }
        copies
    });
    let read = |file| std::fs::read_to_string(folder.join(file)).expect("a definition");
    let parse = |file| serde_yaml::from_str(&read(file)).expect("YAML");
    FILES.map(parse).into()
}

/// Returns what `make` makes of a Go module, from the cache or new. `sources`: the module's `go.mod`
/// and `go.sum`, and what else decides what becomes of them.
fn in_cache(name: &str, sources: &[&str], make: impl FnOnce(&Path) -> PathBuf) -> PathBuf {
    let cache = cache();
    std::fs::create_dir_all(&cache).expect("the cache's folder");
    let key = digest(&SHA256, sources.concat().as_bytes());
    let key: String = key.as_ref()[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let target = cache.join(format!("{name}-{key}"));
    // Another test binary may make it.
    let lock = std::fs::File::create(cache.join(format!("{name}.lock"))).expect("the lock");
    flock(&lock, FlockOperation::LockExclusive).expect("the lock is held");
    if !target.exists() {
        let module = tempfile::tempdir_in(&cache).expect("a folder");
        std::fs::write(module.path().join("go.mod"), sources[0]).expect("go.mod");
        std::fs::write(module.path().join("go.sum"), sources[1]).expect("go.sum");
        std::fs::rename(make(module.path()), &target).expect("it is moved");
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
