//! The files that are made from the command line's definition: man pages.

pub mod man;

use std::path::PathBuf;

/// The name of the binary, which all these files go by.
const BINARY: &str = "kubectl-failover";

/// A file of the repository that can be made again at any time.
#[derive(Debug)]
pub struct GeneratedFile {
    /// relative to the repository
    pub path: PathBuf,
    pub content: Vec<u8>,
}

/// The folders that hold generated files and nothing else.
pub const FOLDERS: [&str; 1] = ["man"];

/// All the generated files; the same definition gives the same bytes.
pub fn files() -> Vec<GeneratedFile> {
    man::files().collect()
}
