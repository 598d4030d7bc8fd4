//! The files that are made from the command line's definition: completion scripts and man pages.

mod completions;
mod man;

use std::path::PathBuf;

pub use completions::completion_script;

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
pub const FOLDERS: [&str; 2] = ["completions", "man"];

/// All the generated files; the same definition gives the same bytes.
pub fn files() -> Vec<GeneratedFile> {
    completions::files().chain(man::files()).collect()
}
