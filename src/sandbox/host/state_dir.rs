//! The folder of a sandbox: its files, and the lock that says which process owns it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::base_dirs::state_root;
use super::{disk, secrets};

/// A younger folder without an owner may belong to a process that has not locked it yet.
const MIN_ORPHAN_AGE: Duration = Duration::from_secs(60);

/// The folder of one sandbox.
#[derive(Debug, Clone)]
pub struct StateDir {
    dir: PathBuf,
}

/// The lock on a folder, held by its supervisor.
#[derive(Debug)]
pub struct Ownership {
    lock: File,
}

/// Another process that owns a folder.
#[derive(Debug)]
pub struct Owner {
    /// Its process ID, once it has written it.
    pub pid: Option<u32>,
    lock: File,
}

impl Owner {
    /// Whether the process has ended, even if it has removed its folder.
    pub fn has_ended(&self) -> bool {
        self.lock.try_lock().is_ok()
    }
}

impl Ownership {
    /// Holds the lock until the process exits, so that no other process takes the folder earlier.
    pub fn hold_until_exit(self) {
        std::mem::forget(self.lock);
    }
}

impl StateDir {
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Returns the folder of `sandbox up`, one for each user.
    pub fn detached() -> anyhow::Result<Self> {
        Ok(Self::at(state_root()?.join("up")))
    }

    /// Returns a new folder, for a sandbox that ends with the command that starts it.
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

    /// Returns the file with the requests of `sandbox gateway`, `sandbox partition` and `sandbox
    /// traffic`.
    pub fn network_requests(&self) -> PathBuf {
        self.dir.join("networks.json")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("supervisor.log")
    }

    pub fn cluster_dir(&self, cluster: &str) -> PathBuf {
        self.dir.join(format!("cluster-{cluster}"))
    }

    /// Locks the folder for this process; none if another running process owns it.
    pub fn own(&self) -> anyhow::Result<Option<Ownership>> {
        make_private_dir(&self.dir)?;
        let lock = self.open_lock(true)?;
        if !self.try_lock(&lock)? {
            return Ok(None);
        }
        lock.set_len(0)
            .and_then(|()| write!(&lock, "{}", std::process::id()))
            .map_err(|cause| disk::failed("writing", &self.dir.join(LOCK), cause))?;
        Ok(Some(Ownership { lock }))
    }

    /// Returns the process that owns the folder, if one does.
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
            pid: text.parse().ok(),
            lock,
        }))
    }

    fn open_lock(&self, create: bool) -> anyhow::Result<File> {
        let path = self.dir.join(LOCK);
        let file = private_options().create(create).truncate(false).open(&path);
        file.map_err(|cause| disk::failed("opening", &path, cause))
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

    /// Removes the folder, and its parent folders if they are empty.
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
            // Fails while other sandboxes are in them.
            let _ = std::fs::remove_dir(&root);
            let _ = root.parent().map(std::fs::remove_dir);
        }
        Ok(())
    }
}

const LOCK: &str = "lock";

/// Removes the folders of sandboxes whose processes were all killed.
pub fn remove_orphans() -> anyhow::Result<()> {
    let root = state_root()?;
    let Ok(entries) = std::fs::read_dir(&root) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let temporary = entry.file_name().to_string_lossy().starts_with("run-");
        let state_dir = StateDir::at(entry.path());
        if temporary && has_orphan_age(&entry) && state_dir.owner()?.is_none() {
            state_dir.remove()?;
        }
    }
    Ok(())
}

fn has_orphan_age(entry: &std::fs::DirEntry) -> bool {
    let changed = entry.metadata().and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > MIN_ORPHAN_AGE))
}

/// Creates a folder, and its parents, that only this user can read.
pub fn make_private_dir(dir: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|cause| disk::failed("creating the folder", dir, cause))
}

/// Writes a file that only this user can read. The replacement is atomic.
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
    write().map_err(|cause| disk::failed("writing", path, cause))
}

/// Opens a log file that only this user can read.
pub fn open_log(path: &Path) -> anyhow::Result<File> {
    let opened = private_options().append(true).create(true).open(path);
    opened.map_err(|cause| disk::failed("opening", path, cause))
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
