//! Standard output and standard error of something that runs on: what nobody reads must not hold it up, so lines wait
//! for a thread that writes them. Until [`start`] is called, and in every other command, they are written at once.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tokio::sync::Notify;

/// How many lines wait before new ones are left out.
const MOST_WAITING: usize = 10_000;
/// How long the last lines may take to be read at the end.
const FAREWELL: Duration = Duration::from_secs(2);

static STDOUT: OnceLock<Arc<QueuedWriter>> = OnceLock::new();
static STDERR: OnceLock<Arc<QueuedWriter>> = OnceLock::new();

/// Has all lines from now on wait for threads of their own.
///
/// # Errors
/// Where no thread can be started.
pub fn start() -> io::Result<()> {
    let (out, errors) = (Leavable::of(io::stdout()), Leavable::of(io::stderr()));
    STDOUT
        .get_or_init(Arc::default)
        .write_to(out, "standard output")?;
    STDERR
        .get_or_init(Arc::default)
        .write_to(errors, "standard error")
}

/// A line on standard output.
///
/// # Errors
/// Where it can't be written, or an earlier one could not.
pub fn print(line: &str) -> io::Result<()> {
    match STDOUT.get() {
        Some(outlet) => outlet.add(format!("{line}\n")),
        None => {
            let mut out = io::stdout().lock();
            writeln!(out, "{line}")?;
            out.flush()
        }
    }
}

/// A line on standard error; that nobody reads it is no failure.
pub fn complain(line: &str) {
    let _ = writeln!(Stderr, "{line}");
}

/// Standard error, for whole lines.
#[derive(Debug, Clone, Copy)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match STDERR.get() {
            Some(outlet) => outlet.add(String::from_utf8_lossy(bytes).into_owned()),
            None => io::stderr().write_all(bytes),
        }
    }

    fn write_fmt(&mut self, words: std::fmt::Arguments<'_>) -> io::Result<()> {
        self.write_all(words.to_string().as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits until standard output can't be written any more.
pub async fn closed() {
    match STDOUT.get() {
        Some(outlet) => outlet.broke.notified().await,
        None => std::future::pending().await,
    }
}

/// Why standard output could not be written.
///
/// # Errors
/// That is the error.
pub fn check() -> io::Result<()> {
    STDOUT.get().map_or(Ok(()), |outlet| outlet.state().check())
}

/// Waits until all lines are written, for a moment.
pub fn finish() {
    let end = Instant::now() + FAREWELL;
    if let Some(left) = STDOUT
        .get()
        .map(|outlet| outlet.finish(end))
        .filter(|left| *left > 0)
    {
        tracing::warn!("nobody reads standard output: its last {left} lines are lost");
    }
    STDERR.get().map(|outlet| outlet.finish(end));
}

/// A stream whose reader may go: for a terminal that is gone the system has other words than for a pipe.
struct Leavable<W> {
    out: W,
    is_terminal: bool,
}

impl<W: Write + IsTerminal> Leavable<W> {
    fn of(out: W) -> Self {
        // It can't be asked once it is gone.
        let is_terminal = out.is_terminal();
        Self { out, is_terminal }
    }
}

impl<W> Leavable<W> {
    fn judge<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|cause| {
            let is_gone =
                self.is_terminal && cause.raw_os_error() == Some(Errno::IO.raw_os_error());
            if is_gone {
                io::Error::from(ErrorKind::BrokenPipe)
            } else {
                cause
            }
        })
    }
}

impl<W: Write> Write for Leavable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.out.write(bytes);
        self.judge(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.out.flush();
        self.judge(done)
    }
}

/// Lines on their way to one stream.
#[derive(Debug, Default)]
struct QueuedWriter {
    state: Mutex<QueueState>,
    changed: Condvar,
    broke: Notify,
}

#[derive(Debug, Default)]
struct QueueState {
    waiting: VecDeque<String>,
    /// How many were left out since that was last said.
    missed: usize,
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
}

impl QueuedWriter {
    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: String) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        if state.waiting.len() < MOST_WAITING {
            state.waiting.push_back(line);
            self.changed.notify_all();
        } else {
            state.missed += 1;
        }
        Ok(())
    }

    fn write_to(
        self: &Arc<Self>,
        out: impl Write + Send + 'static,
        name: &'static str,
    ) -> io::Result<()> {
        let this = Arc::clone(self);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || this.write_all(out, name))
            .map(drop)
    }

    fn write_all(&self, mut out: impl Write, name: &str) {
        loop {
            let (lines, missed) = self.take();
            let written = lines
                .iter()
                .try_for_each(|line| out.write_all(line.as_bytes()));
            let written = written.and_then(|()| out.flush());
            let mut state = self.state();
            state.taken = 0;
            if let Err(cause) = written {
                state.failed = Some((cause.kind(), cause.to_string()));
                state.waiting.clear();
            }
            let has_failed = state.failed.is_some();
            drop(state);
            self.changed.notify_all();
            if has_failed {
                self.broke.notify_one();
                return;
            }
            if missed > 0 {
                tracing::warn!("{name} was not read in time: {missed} lines are left out");
            }
        }
    }

    /// The lines that wait, once there are any, and how many would come after them.
    fn take(&self) -> (VecDeque<String>, usize) {
        let mut state = self.state();
        while state.waiting.is_empty() {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let lines = std::mem::take(&mut state.waiting);
        state.taken = lines.len();
        (lines, std::mem::take(&mut state.missed))
    }

    /// Waits until nothing waits any more; gives how many lines still do.
    fn finish(&self, end: Instant) -> usize {
        let left = end.saturating_duration_since(Instant::now());
        let waits = |state: &mut QueueState| {
            state.failed.is_none() && state.waiting.len() + state.taken > 0
        };
        let waited = self.changed.wait_timeout_while(self.state(), left, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_some() {
            0
        } else {
            state.waiting.len() + state.taken + state.missed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A stream that takes a line whenever it is let, and passes it on.
    struct Slow(Receiver<()>, Sender<String>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let closed = |_| io::Error::from(ErrorKind::BrokenPipe);
            self.0.recv().map_err(closed)?;
            self.1
                .send(String::from_utf8_lossy(bytes).into_owned())
                .unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Arc<QueuedWriter>, Sender<()>, Receiver<String>) {
        let ((go, gone), (told, heard)) = (channel(), channel());
        let outlet = Arc::<QueuedWriter>::default();
        outlet.write_to(Slow(gone, told), "slow").unwrap();
        (outlet, go, heard)
    }

    #[test]
    fn what_nobody_reads_holds_nothing_up_and_what_does_not_fit_is_counted() {
        let (outlet, go, heard) = slow();
        outlet.add("0".to_owned()).unwrap();
        while outlet.state().taken == 0 {
            thread::yield_now();
        }
        for number in 1..=3 * MOST_WAITING {
            outlet.add(number.to_string()).unwrap();
        }
        assert_eq!(outlet.state().missed, 2 * MOST_WAITING);
        assert!(outlet.finish(Instant::now()) > 0);
        (0..=MOST_WAITING).for_each(|_| go.send(()).unwrap());
        assert_eq!(outlet.finish(Instant::now() + Duration::from_secs(60)), 0);
        let lines: Vec<String> = heard.try_iter().collect();
        assert_eq!(lines.len(), 1 + MOST_WAITING);
        assert!(
            lines
                .iter()
                .enumerate()
                .all(|(number, line)| *line == number.to_string())
        );
    }

    #[tokio::test]
    async fn a_stream_that_is_closed_is_noticed() {
        let (outlet, go, _heard) = slow();
        drop(go);
        outlet.add("line".to_owned()).unwrap();
        outlet.broke.notified().await;
        assert_eq!(
            outlet.add("line".to_owned()).unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        assert_eq!(outlet.finish(Instant::now()), 0);
    }
}
