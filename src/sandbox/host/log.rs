//! The supervisor's log.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::state_dir;

/// A log file with a timestamp on each line.
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
        // There is nowhere to report an error of the log itself.
        let _ = writeln!(&self.file, "{} {text}", jiff::Timestamp::now());
    }
}
