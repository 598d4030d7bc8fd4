//! The files of the repository that are generated: man pages, the reference, the picture of the demo,
//! the rights of the chart.

mod described;
mod man;
mod picture;
mod reference;
mod rights;

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::repository;

/// A file that can be generated again at any time.
pub struct GeneratedFile {
    /// Relative to the repository.
    pub path: PathBuf,
    pub content: Vec<u8>,
}

/// The folders that hold generated files and nothing else.
pub const FOLDERS: [&str; 4] = [
    man::FOLDER,
    reference::FOLDER,
    picture::FOLDER,
    rights::FOLDER,
];

/// Generates all files. The same command line and the same transcript give the same bytes.
pub fn files() -> Vec<GeneratedFile> {
    let transcript = fs::read_to_string(repository().join("docs/demo.txt"));
    let picture = GeneratedFile {
        path: Path::new(picture::FOLDER).join("demo.svg"),
        content: picture::svg(&transcript.expect("the transcript")).into_bytes(),
    };
    man::pages()
        .chain(reference::pages())
        .chain([picture, rights::file()])
        .collect()
}
