//! Errors of the disk: a full or unwritable folder is named, with its size and what to do.

use std::io::{Error, ErrorKind};
use std::path::Path;

use rustix::fs::statvfs;

use super::base_dirs;
use crate::problem::Problem;

/// With less free space than this, a program that has failed may have failed for that.
const SCARCE_BYTES: u64 = 64 << 20;

/// Returns the error of a failed write. `action` is what failed, such as `writing`.
pub fn failed(action: &str, path: &Path, cause: Error) -> anyhow::Error {
    let what = format!("{action} {}", path.display());
    let is_full = matches!(
        cause.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    );
    let is_unwritable = matches!(
        cause.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    );
    if !is_full && !is_unwritable {
        return anyhow::Error::new(cause).context(what);
    }
    let (space, variable) = (space(path).map(|space| space.words), variable(path));
    let mend = if is_full {
        "free some space"
    } else {
        "make the folder writable"
    };
    Problem::new(format!("{what}: {cause}"))
        .next_all(space)
        .next(format!("{mend}, or set {variable} to another folder"))
        .into()
}

/// Says how much space is left in a folder, if it is so little that programs fail.
pub fn shortage(path: &Path) -> Option<String> {
    let space = space(path).filter(|space| space.free < SCARCE_BYTES)?;
    let (words, variable) = (space.words, variable(path));
    Some(format!(
        "{words}: free some, or set {variable} to another folder"
    ))
}

struct Space {
    free: u64,
    words: String,
}

/// Returns the space of the nearest folder that exists.
fn space(path: &Path) -> Option<Space> {
    let folder = path.ancestors().find(|folder| folder.is_dir())?;
    let stat = statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    let (free, size) = (bytes(stat.f_bavail), bytes(stat.f_blocks));
    let words = format!(
        "{} has {} MB free of {} MB",
        folder.display(),
        free >> 20,
        size >> 20
    );
    Some(Space { free, words })
}

/// The variable that names the folder in which the path is.
fn variable(path: &Path) -> &'static str {
    match base_dirs::cache_root() {
        Ok(cache) if path.starts_with(&cache) => "XDG_CACHE_HOME",
        _ => "XDG_STATE_HOME",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_with_its_size() {
        let path = std::env::temp_dir().join("no-such-folder/file");
        let problem = Problem::of(&failed("writing", &path, ErrorKind::StorageFull.into()));
        let parts = [problem.message.clone(), problem.next.join("; ")];
        assert!(
            parts[0].starts_with(&format!("writing {}: ", path.display())),
            "{parts:?}"
        );
        assert!(parts[1].contains(" MB free of "), "{parts:?}");
        assert!(
            parts[1].ends_with("or set XDG_STATE_HOME to another folder"),
            "{parts:?}"
        );
        let other = failed("writing", &path, ErrorKind::NotFound.into());
        assert!(other.downcast_ref::<Problem>().is_none(), "{other:#}");
    }
}
