//! A bounded queue of lines and the thread that writes them, so that a slow reader does not block
//! the program. `tracing-appender` has such a queue, but it hides the error of a closed pipe.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

/// How many lines wait before new ones are dropped.
const MAX_QUEUED_LINES: usize = 10_000;

/// Lines on their way to one stream.
#[derive(Debug, Default)]
pub struct QueuedWriter {
    state: Mutex<QueueState>,
    changed: Condvar,
    broke: Notify,
}

#[derive(Debug, Default)]
struct QueueState {
    waiting: VecDeque<String>,
    /// How many were dropped since that was last reported.
    dropped: usize,
    /// How many the thread has taken and not written yet.
    taken: usize,
    failed: Option<(ErrorKind, String)>,
}

impl QueueState {
    fn check(&self) -> io::Result<()> {
        match &self.failed {
            Some((kind, how)) => Err(io::Error::new(*kind, how.clone())),
            None => Ok(()),
        }
    }

    fn is_writing(&self) -> bool {
        self.failed.is_none() && self.waiting.len() + self.taken > 0
    }
}

impl QueuedWriter {
    /// Starts the thread, which passes each line to `write`.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        name: &'static str,
        write: impl FnMut(&str) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let queue = Arc::<Self>::default();
        let writer = Arc::clone(&queue);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || writer.write_all(name, write))?;
        Ok(queue)
    }

    /// Adds a line, or drops it if too many wait.
    ///
    /// # Errors
    /// The error of an earlier line that could not be written.
    pub fn add(&self, line: String) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        if state.waiting.len() < MAX_QUEUED_LINES {
            state.waiting.push_back(line);
            self.changed.notify_all();
        } else {
            state.dropped += 1;
        }
        Ok(())
    }

    /// # Errors
    /// The error of a line that could not be written.
    pub fn check(&self) -> io::Result<()> {
        self.state.lock().check()
    }

    /// Whether nothing waits to be written.
    pub fn is_written(&self) -> bool {
        !self.state.lock().is_writing()
    }

    /// Returns when a line could not be written.
    pub async fn failed(&self) {
        if self.check().is_ok() {
            self.broke.notified().await;
        }
    }

    /// Waits until every line is written, or until the deadline. Returns how many lines are left.
    pub fn finish(&self, deadline: Instant) -> usize {
        let mut state = self.state.lock();
        while state.is_writing() && !self.changed.wait_until(&mut state, deadline).timed_out() {}
        if state.failed.is_some() {
            0
        } else {
            state.waiting.len() + state.taken + state.dropped
        }
    }

    fn write_all(&self, name: &str, mut write: impl FnMut(&str) -> io::Result<()>) {
        loop {
            let (lines, dropped) = self.take();
            let written = lines.iter().try_for_each(|line| write(line));
            let has_failed = written.is_err();
            let mut state = self.state.lock();
            state.taken = 0;
            if let Err(cause) = written {
                state.failed = Some((cause.kind(), cause.to_string()));
                state.waiting.clear();
            }
            drop(state);
            self.changed.notify_all();
            if has_failed {
                self.broke.notify_one();
                return;
            }
            if dropped > 0 {
                tracing::warn!("{name} was not read in time: {dropped} lines were dropped");
            }
        }
    }

    /// Takes the lines that wait, once there are any. Returns them, and how many were dropped after
    /// them.
    fn take(&self) -> (VecDeque<String>, usize) {
        let mut state = self.state.lock();
        self.changed
            .wait_while(&mut state, |state| state.waiting.is_empty());
        let lines = std::mem::take(&mut state.waiting);
        state.taken = lines.len();
        (lines, std::mem::take(&mut state.dropped))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use super::*;

    /// Returns a queue whose thread writes one line per permit, and forwards it.
    fn slow() -> (Arc<QueuedWriter>, Sender<()>, Receiver<String>) {
        let ((allow, allowed), (written, lines)) = (channel(), channel());
        let write = move |line: &str| {
            let closed = |_| io::Error::from(ErrorKind::BrokenPipe);
            allowed.recv().map_err(closed)?;
            written.send(line.to_owned()).unwrap();
            Ok(())
        };
        (QueuedWriter::start("slow", write).unwrap(), allow, lines)
    }

    #[test]
    fn a_slow_reader_does_not_block_and_dropped_lines_are_counted() {
        let (queue, allow, lines) = slow();
        queue.add("0".to_owned()).unwrap();
        while queue.state.lock().taken == 0 {
            thread::yield_now();
        }
        for number in 1..=3 * MAX_QUEUED_LINES {
            queue.add(number.to_string()).unwrap();
        }
        assert_eq!(queue.state.lock().dropped, 2 * MAX_QUEUED_LINES);
        assert!(queue.finish(Instant::now()) > 0);
        (0..=MAX_QUEUED_LINES).for_each(|_| allow.send(()).unwrap());
        assert_eq!(queue.finish(Instant::now() + Duration::from_secs(60)), 0);
        let lines: Vec<String> = lines.try_iter().collect();
        assert_eq!(lines.len(), 1 + MAX_QUEUED_LINES);
        assert!(
            lines
                .iter()
                .enumerate()
                .all(|(number, line)| *line == number.to_string())
        );
    }

    #[tokio::test]
    async fn a_closed_stream_is_noticed() {
        let (queue, allow, _lines) = slow();
        drop(allow);
        queue.add("line".to_owned()).unwrap();
        queue.failed().await;
        assert_eq!(
            queue.add("line".to_owned()).unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        assert_eq!(queue.finish(Instant::now()), 0);
    }
}
