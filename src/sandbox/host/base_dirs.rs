//! The folders in which sandboxes and what they rest on are kept.

use std::path::PathBuf;

use crate::problem::Problem;

/// Returns the folder of this user's sandboxes.
pub fn state_root() -> anyhow::Result<PathBuf> {
    Ok(base_dir("XDG_STATE_HOME", ".local/state")?.join("kubectl-failover/sandbox"))
}

/// Returns the folder for files that can be built again.
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
            Problem::new("no folder for the sandbox's files: HOME is not set")
                .next(format!("Set HOME or {variable} to a folder."))
                .into()
        })
}
