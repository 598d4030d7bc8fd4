//! The control plane's programs: built once from pinned sources into a cache, or taken from a
//! folder that the user names.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::build::{BuildDir, Module, require_go};
use super::definitions;
use crate::output::spinner::Spinner;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::sandbox::host::base_dirs;
use crate::sandbox::host::secrets;

const MODULE: Module = Module {
    go_mod: include_str!("assets/go.mod"),
    go_sum: include_str!("assets/go.sum"),
};
/// Sets the version of Kubernetes in go.mod: `go install` does not, and clients cannot parse the
/// default version.
const LINKER_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3";
const REQUIRED_PROGRAMS: [&str; 4] = [
    "server",
    "kube-apiserver",
    "kube-controller-manager",
    "kwok",
];
const REQUIRED_IN_WORDS: &str = "server (etcd), kube-apiserver, kube-controller-manager and kwok";
const BUILDING_MESSAGE: &str =
    "Building etcd, kube-apiserver, kube-controller-manager, kwok and kubectl";

/// A folder with the programs; kubectl may be among them.
#[derive(Debug, Clone)]
pub struct Assets {
    dir: PathBuf,
    /// Manifests of the Gateway API's definitions.
    pub definitions: Vec<String>,
}

impl Assets {
    /// Returns the programs in `given`, or in the cache, where they are built if they are missing.
    pub async fn obtain(streams: &Streams, given: Option<&Path>) -> anyhow::Result<Self> {
        let dir = match given {
            Some(dir) => check(dir)?,
            None => check(&from_cache(streams).await?)?,
        };
        let definitions = definitions::obtain(streams, given).await?;
        Ok(Self {
            definitions: definitions::read(&definitions)?,
            dir,
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Returns the absolute path of the folder, if it has all programs.
fn check(dir: &Path) -> anyhow::Result<PathBuf> {
    let missing: Vec<_> = REQUIRED_PROGRAMS
        .into_iter()
        .filter(|name| !is_executable(&dir.join(name)))
        .collect();
    if missing.is_empty() {
        return dir
            .canonicalize()
            .with_context(|| format!("resolving {}", dir.display()));
    }
    Err(Problem::new(format!(
        "{} has no executable {}",
        dir.display(),
        missing.join(", ")
    ))
    .next(format!("The folder must contain {REQUIRED_IN_WORDS}."))
    .next("Omit --assets to build them.")
    .into())
}

/// Whether it is a file that can be executed.
pub fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

async fn from_cache(streams: &Streams) -> anyhow::Result<PathBuf> {
    let key = secrets::digest(&[MODULE.go_mod, MODULE.go_sum, LINKER_FLAGS]);
    let target = base_dirs::cache_root()?.join(format!("assets-{}", &key[..12]));
    if !target.exists() {
        let instead = format!("pass a folder with {REQUIRED_IN_WORDS}: --assets DIR");
        require_go("builds its control planes", &instead).await?;
        let build_dir = BuildDir::open(streams, MODULE).await?;
        // Another process may have built them while this one waited.
        if !target.exists() {
            build(streams, &build_dir, &target).await?;
        }
    }
    Ok(target)
}

async fn build(streams: &Streams, build_dir: &BuildDir, target: &Path) -> anyhow::Result<()> {
    let spinner = Spinner::new(streams);
    spinner.step(&format!(
        "{BUILDING_MESSAGE} once, about 5 minutes on 2 cores"
    ));
    let flags = format!("-ldflags={LINKER_FLAGS}");
    let arguments = ["install", "-trimpath", &flags, "tool"];
    let status = spinner
        .during("Still building", build_dir.go(&arguments))
        .await?;
    if !status.success() {
        return Err(build_dir
            .failure("building the control planes", status)
            .into());
    }
    std::fs::rename(build_dir.dir().join("bin"), target)
        .with_context(|| format!("moving the programs to {}", target.display()))?;
    spinner.finish(&format!(
        "Built the control planes into {}",
        target.display()
    ));
    Ok(())
}
