//! The supervisor's own log.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::state_dir;

#[derive(Debug)]
pub struct Log {
    file: File,
}

impl Log {
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            file: state_dir::open_log(path)?,
        })
    }

    pub fn line(&self, text: &str) {
        // Nobody is left to tell when the log itself can't be written.
        let _ = writeln!(&self.file, "{} {text}", jiff::Timestamp::now());
    }
}
