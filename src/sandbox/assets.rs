//! The control plane's programs: built once from pinned sources into a cache, or taken from a folder.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};

use super::out;
use super::place::{self, Place};
use super::program::last_lines;
use super::progress::Progress;
use super::{guard, secrets};
use crate::error::Problem;

const GO_MOD: &str = include_str!("assets/go.mod");
const GO_SUM: &str = include_str!("assets/go.sum");
/// The version of Kubernetes in go.mod: built by hand the programs don't know it, and clients fail to parse "dirty".
const LINKER_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3";
const NEEDED: [&str; 4] = ["server", "kube-apiserver", "kube-controller-manager", "kwok"];
const BUILDING: &str = "Building etcd, kube-apiserver, kube-controller-manager, kwok and kubectl";
const LOCK_POLL: Duration = Duration::from_millis(200);

/// A folder with the programs; kubectl may be among them.
#[derive(Debug, Clone)]
pub struct Assets {
    dir: PathBuf,
}

impl Assets {
    /// The programs from `given`, or from the cache, where they are built if need be.
    pub async fn obtain(given: Option<&Path>) -> anyhow::Result<Self> {
        match given {
            Some(dir) => Self::in_dir(dir),
            None => from_cache().await,
        }
    }

    fn in_dir(dir: &Path) -> anyhow::Result<Self> {
        let missing: Vec<_> = NEEDED.into_iter().filter(|name| !is_executable(&dir.join(name))).collect();
        if missing.is_empty() {
            let dir = dir.canonicalize().with_context(|| format!("resolving {}", dir.display()))?;
            return Ok(Self { dir });
        }
        Err(Problem::new(format!("{} has no executable {}", dir.display(), missing.join(", ")))
            .next("The folder must hold server (etcd), kube-apiserver, kube-controller-manager and kwok.")
            .next("Leave --assets out to have them built.")
            .into())
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

async fn from_cache() -> anyhow::Result<Assets> {
    let cache = place::cache_root()?;
    let target = cache.join(format!("assets-{}", &secrets::digest(&[GO_MOD, GO_SUM, LINKER_FLAGS])[..12]));
    if target.exists() {
        return Assets::in_dir(&target);
    }
    require_go().await?;
    let workshop = Workshop::open(Place::at(cache.join("build"))).await?;
    // Another start may have built them while this one waited.
    if !target.exists() {
        build(workshop.place.dir(), &target).await?;
    }
    drop(workshop);
    Assets::in_dir(&target)
}

/// The folder in which one process at a time builds; gone when this is dropped.
struct Workshop {
    place: Place,
    _ownership: place::Ownership,
}

impl Workshop {
    async fn open(place: Place) -> anyhow::Result<Self> {
        let ownership = await_turn(&place).await?;
        Ok(Self { place, _ownership: ownership })
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // Compilers that were just killed may still be writing; what stays the next build uses and removes.
        let _ = (0..5).any(|_| {
            let removed = self.place.remove().is_ok();
            if !removed {
                std::thread::sleep(Duration::from_millis(20));
            }
            removed
        });
    }
}

async fn require_go() -> anyhow::Result<()> {
    let go = tokio::process::Command::new("go").arg("version").stderr(Stdio::null()).output().await;
    if go.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    Err(Problem::new("the sandbox builds its control planes with Go, and `go` is not on PATH")
        .next("Install Go 1.26 or newer (https://go.dev/dl), or")
        .next("give a folder with server (etcd), kube-apiserver, kube-controller-manager and kwok: --assets DIR")
        .into())
}

async fn await_turn(workshop: &Place) -> anyhow::Result<place::Ownership> {
    let mut told = false;
    loop {
        if let Some(ownership) = workshop.own()? {
            return Ok(ownership);
        }
        if !told {
            out::note("Waiting for another process that builds the control planes");
            told = true;
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

async fn build(workshop: &Path, target: &Path) -> anyhow::Result<()> {
    let progress = Progress::start(&format!("{BUILDING} once, about 5 minutes on 2 cores"));
    let programs = workshop.join("bin");
    place::make_private_dir(&scratch(workshop))?;
    for (name, content) in [("go.mod", GO_MOD), ("go.sum", GO_SUM)] {
        place::write_private(&workshop.join(name), content)?;
    }
    let log = workshop.join("build.log");
    let status = progress.during("Still building", run_go(workshop, &programs, &log)).await?;
    if !status.success() {
        return Err(Problem::new(format!("building the control planes failed ({status})"))
            .next("The last lines of its output:")
            .next(last_lines(&log, 12).replace('\n', "\n  "))
            .next("It needs Go 1.26 or newer, and the Go module proxy or a filled module cache.")
            .into());
    }
    std::fs::rename(&programs, target)
        .with_context(|| format!("moving the programs to {}", target.display()))?;
    progress.finish(&format!("Built the control planes into {}", target.display()));
    Ok(())
}

/// A process group that is killed when this is dropped: go starts compilers of its own.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Gone already unless the build was interrupted.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Where go keeps what it would leave behind when it is killed.
fn scratch(workshop: &Path) -> PathBuf {
    workshop.join("tmp")
}

async fn run_go(workshop: &Path, programs: &Path, log: &Path) -> anyhow::Result<std::process::ExitStatus> {
    let output = place::open_log(log)?;
    let mut child = guard::command()?
        .args(["go", "install", "-trimpath", &format!("-ldflags={LINKER_FLAGS}"), "tool"])
        .current_dir(workshop)
        .env("GOBIN", programs)
        .env("GOWORK", "off")
        .env("GOTMPDIR", scratch(workshop))
        .stdin(Stdio::null())
        .stdout(output.try_clone().context("sharing the build log")?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .context("starting go")?;
    let leader = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let mut group = Group(leader);
    let status = child.wait().await.context("waiting for go")?;
    group.0 = None;
    Ok(status)
}
