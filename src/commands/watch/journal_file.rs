//! The journal in a file (`--journal`): JSON Lines that a thread appends, so that a slow disk delays
//! nothing. The file is bounded (rotation): a full one takes the place of the one before it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::GroupEvent;
use crate::output::queued_writer::QueuedWriter;
use crate::problem::Problem;
use crate::resource::RecordedEvent;
use crate::text::without_code;

/// The size at which a file is full: some 30,000 events.
const MAX_JOURNAL_FILE_BYTES: u64 = 10 * 1024 * 1024;
/// How long the last events may take when `watch` ends.
const JOURNAL_SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// The file of a journal, and the thread that writes it.
#[derive(Debug)]
pub struct JournalFile {
    queue: Arc<QueuedWriter>,
}

impl JournalFile {
    /// # Errors
    /// If the file cannot be opened or the thread cannot be started.
    pub fn start(path: &Path) -> Result<Self, Problem> {
        let failed = |cause: &io::Error| {
            Problem::new(format!(
                "--journal: cannot write {}: {}",
                path.display(),
                without_code(cause)
            ))
            .next("name a file in a folder that exists and that you may write")
        };
        let mut file = Appender::open(path).map_err(|cause| failed(&cause))?;
        let write = move |line: &str| {
            file.append(line);
            Ok(())
        };
        let queue = QueuedWriter::start("the journal", write).map_err(|cause| failed(&cause))?;
        Ok(Self { queue })
    }

    pub fn add(&self, event: &GroupEvent, context: &str) {
        let entry = RecordedEvent {
            context: Some(context.to_owned()),
            ..RecordedEvent::of(event)
        };
        if let Ok(line) = serde_json::to_string(&entry) {
            // The writer has no error of its own.
            let _ = self.queue.add(line + "\n");
        }
    }

    /// Waits briefly for the last events.
    pub fn finish(&self) {
        self.queue.finish(Instant::now() + JOURNAL_SHUTDOWN_GRACE);
    }
}

struct Appender {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// The last write failed, and that was reported.
    is_failing: bool,
}

impl Appender {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            path: path.to_owned(),
            bytes: file.metadata()?.len(),
            file,
            is_failing: false,
        })
    }

    /// Appends a line. A failure is reported once, until a write succeeds.
    fn append(&mut self, line: &str) {
        let result = self.rotate(line.len()).and_then(|()| self.write(line));
        let was_failing = std::mem::replace(&mut self.is_failing, result.is_err());
        if let Err(cause) = result
            && !was_failing
        {
            let (path, cause) = (self.path.display(), without_code(&cause));
            tracing::warn!(
                "could not write the journal {path} ({} bytes): {cause}; moves go on without",
                self.bytes
            );
        }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        // A line that was cut off must not take the next one with it.
        if self.is_failing {
            self.file.write_all(b"\n")?;
        }
        self.file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn rotate(&mut self, added: usize) -> io::Result<()> {
        if self.bytes + added as u64 <= MAX_JOURNAL_FILE_BYTES || self.bytes == 0 {
            return Ok(());
        }
        std::fs::rename(&self.path, RecordedEvent::rotated(&self.path))?;
        let is_failing = self.is_failing;
        *self = Self::open(&self.path)?;
        self.is_failing = is_failing;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut file = Appender::open(&path).unwrap();
        let line = "x".repeat(1024 * 1024 - 1) + "\n";
        for _ in 0..25 {
            file.append(&line);
        }
        let size = |path: &Path| std::fs::metadata(path).unwrap().len();
        assert_eq!(size(&RecordedEvent::rotated(&path)), 10 * 1024 * 1024);
        assert_eq!(size(&path), 5 * 1024 * 1024);
    }

    #[test]
    fn a_full_disk_is_reported_once_and_never_fails() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        let mut file = Appender::open(full).unwrap();
        file.append("line\n");
        assert!(file.is_failing);
        file.append("line\n");
        let missing = Path::new("/nonexistent/journal");
        let problem = JournalFile::start(missing).unwrap_err();
        assert!(problem.message.contains("/nonexistent/journal"));
    }
}
