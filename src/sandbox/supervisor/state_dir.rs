//! Where a sandbox keeps its files, who may read them, and which process owns them.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::process::Pid;

use crate::problem::Problem;
use crate::sandbox::control_plane::secrets;

/// A folder without an owner that is younger than this may be one whose owner has not locked it yet.
const SETTLED: Duration = Duration::from_secs(60);

/// The folder of one sandbox.
#[derive(Debug, Clone)]
pub struct StateDir {
    dir: PathBuf,
}

/// Held by the supervisor for as long as it lives.
#[derive(Debug)]
pub struct Ownership {
    lock: File,
}

/// Another process, which owns a folder.
#[derive(Debug)]
pub struct Owner {
    /// Its id, once it has written it down.
    pub pid: Option<Pid>,
    lock: File,
}

impl Owner {
    /// Whether the process has ended, also when it has removed its folder.
    pub fn has_ended(&self) -> bool {
        self.lock.try_lock().is_ok()
    }
}

impl Ownership {
    /// Keeps the folder until the very end of the process, so that nobody takes it for ended before.
    pub fn keep(self) {
        std::mem::forget(self.lock);
    }
}

impl StateDir {
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The sandbox that `sandbox up` starts: there is one per user.
    pub fn standing() -> anyhow::Result<Self> {
        Ok(Self::at(state_root()?.join("up")))
    }

    /// A new folder for a sandbox that ends with the command that starts it.
    pub fn temporary() -> anyhow::Result<Self> {
        Ok(Self::at(
            state_root()?.join(format!("run-{}", secrets::random_hex(6)?)),
        ))
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn exists(&self) -> bool {
        self.dir.exists()
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    pub fn state_file(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    /// What `sandbox gateway` and `sandbox partition` ask for.
    pub fn network_requests(&self) -> PathBuf {
        self.dir.join("networks.json")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("supervisor.log")
    }

    pub fn cluster_dir(&self, cluster: &str) -> PathBuf {
        self.dir.join(format!("cluster-{cluster}"))
    }

    /// Makes the folder this process's own; `None` if it belongs to another process that lives.
    pub fn own(&self) -> anyhow::Result<Option<Ownership>> {
        make_private_dir(&self.dir)?;
        let lock = self.open_lock(true)?;
        if !self.try_lock(&lock)? {
            return Ok(None);
        }
        lock.set_len(0)
            .and_then(|()| write!(&lock, "{}", std::process::id()))?;
        Ok(Some(Ownership { lock }))
    }

    /// The process that owns the folder, if one does.
    pub fn owner(&self) -> anyhow::Result<Option<Owner>> {
        let path = self.dir.join(LOCK);
        if !path.exists() {
            return Ok(None);
        }
        let lock = self.open_lock(false)?;
        if self.try_lock(&lock)? {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        Ok(Some(Owner {
            pid: text.parse().ok().and_then(Pid::from_raw),
            lock,
        }))
    }

    fn open_lock(&self, create: bool) -> anyhow::Result<File> {
        let path = self.dir.join(LOCK);
        let file = private_options().create(create).truncate(false).open(&path);
        file.with_context(|| format!("opening {}", path.display()))
    }

    fn try_lock(&self, lock: &File) -> anyhow::Result<bool> {
        match lock.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(cause)) => {
                Err(anyhow::Error::new(cause).context(format!("locking {}", self.dir.display())))
            }
        }
    }

    /// Removes the folder, and the folders around it that are empty then.
    pub fn remove(&self) -> anyhow::Result<()> {
        match std::fs::remove_dir_all(&self.dir) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                return Err(
                    anyhow::Error::new(cause).context(format!("removing {}", self.dir.display()))
                );
            }
            _ => {}
        }
        if let Ok(root) = state_root()
            && self.dir.parent() == Some(&root)
        {
            // Not empty while other sandboxes run: then they stay.
            let _ = std::fs::remove_dir(&root);
            let _ = root.parent().map(std::fs::remove_dir);
        }
        Ok(())
    }
}

const LOCK: &str = "lock";

/// Removes what sandboxes have left whose every process was killed at once.
pub fn sweep() -> anyhow::Result<()> {
    let root = state_root()?;
    let Ok(entries) = std::fs::read_dir(&root) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let temporary = entry.file_name().to_string_lossy().starts_with("run-");
        let place = StateDir::at(entry.path());
        if temporary && is_settled(&entry) && place.owner()?.is_none() {
            place.remove()?;
        }
    }
    Ok(())
}

fn is_settled(entry: &std::fs::DirEntry) -> bool {
    let changed = entry.metadata().and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > SETTLED))
}

/// The folder of all of this user's sandboxes.
fn state_root() -> anyhow::Result<PathBuf> {
    Ok(base_dir("XDG_STATE_HOME", ".local/state")?.join("kubectl-failover/sandbox"))
}

/// The folder of what can be built again.
pub fn cache_root() -> anyhow::Result<PathBuf> {
    Ok(base_dir("XDG_CACHE_HOME", ".cache")?.join("kubectl-failover"))
}

fn base_dir(variable: &str, below_home: &str) -> anyhow::Result<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    set(variable)
        .or_else(|| set("HOME").map(|home| home.join(below_home)))
        .ok_or_else(|| {
            Problem::new("there is no place for the sandbox's files: HOME is not set")
                .next(format!("Set HOME or {variable} to a folder."))
                .into()
        })
}

/// Makes a folder, and those above it, that only this user can read.
pub fn make_private_dir(dir: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("making the folder {}", dir.display()))
}

/// Writes a file that only this user can read; readers see the old content or the new one, never a part.
pub fn write_private(path: &Path, content: &str) -> anyhow::Result<()> {
    let write = || {
        let new = path.with_extension("new");
        private_options()
            .create(true)
            .truncate(true)
            .open(&new)?
            .write_all(content.as_bytes())?;
        std::fs::rename(&new, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Opens a log file of which nobody else can read anything.
pub fn open_log(path: &Path) -> anyhow::Result<File> {
    let opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path);
    opened.with_context(|| format!("opening {}", path.display()))
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
