//! Standard output and standard error as one value, which is passed to everything that prints.
//! Results go to standard output, everything else to standard error. A test captures both in
//! memory.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::queued_writer::QueuedWriter;
use crate::text::clean;

/// How long the queued lines of both streams may take to be written at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// How often to check whether standard output still has a reader.
const HANGUP_POLL_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_TERMINAL_SIZE: (u16, u16) = (80, 24);

/// The reader of standard output is gone: a closed pipe, or a terminal that hung up. Only
/// [`Streams`] returns this error, so it never stands for any other broken pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("standard output is closed")]
pub struct StdoutClosed(());

/// Standard output cannot be written, although its reader is there: the disk is full, for example.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub struct StdoutFailed(#[source] io::Error);

/// Whether an error says that standard output cannot be written, for any reason.
pub fn is_stdout_error(error: &anyhow::Error) -> bool {
    error.is::<StdoutClosed>() || error.is::<StdoutFailed>()
}

/// Where a command writes. Clones write to the same streams.
#[derive(Clone)]
pub struct Streams(Arc<Inner>);

struct Inner {
    out: Arc<OutputStream>,
    err: Arc<OutputStream>,
    has_hung_up: Box<dyn Fn() -> bool + Send + Sync>,
    logs_json: AtomicBool,
}

impl fmt::Debug for Streams {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Streams").finish_non_exhaustive()
    }
}

impl Streams {
    /// Returns the streams of this process. Call it once: a queue serves only the clones of one
    /// value.
    pub fn process() -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        Self(Arc::new(Inner {
            out: OutputStream::new("standard output", out.is_terminal(), out),
            err: OutputStream::new("standard error", err.is_terminal(), err),
            has_hung_up: Box::new(stdout_has_hung_up),
            logs_json: AtomicBool::new(false),
        }))
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    /// [`StdoutClosed`] or [`StdoutFailed`].
    pub fn print(&self, line: &str) -> anyhow::Result<()> {
        self.write(&format!("{line}\n"))
    }

    /// Writes a line about something that is done. A closed standard output is not an error.
    ///
    /// # Errors
    /// [`StdoutFailed`].
    pub fn print_if_read(&self, line: &str) -> anyhow::Result<()> {
        match self.print(line) {
            Err(error) if error.is::<StdoutClosed>() => Ok(()),
            printed => printed,
        }
    }

    /// Writes text unchanged to standard output.
    ///
    /// # Errors
    /// [`StdoutClosed`] or [`StdoutFailed`].
    pub fn write(&self, text: &str) -> anyhow::Result<()> {
        self.0.out.write(text).map_err(stdout_error)
    }

    /// Writes a line to standard error, without control characters. Ignores errors.
    pub fn say(&self, line: &str) {
        if self.logs_json() {
            tracing::info!("{line}");
        } else {
            let _ = self.0.err.write(&format!("{}\n", clean(line)));
        }
    }

    /// Writes a line to standard error with its time by this machine's clock, as a command does that
    /// runs on. A JSON log has the time in a field.
    pub fn say_with_time(&self, line: &str) {
        if self.logs_json() {
            self.say(line);
        } else {
            self.say(&format!("{:.0} {line}", Timestamp::now()));
        }
    }

    /// Writes text as it is to standard error, such as a question.
    ///
    /// # Errors
    /// If standard error cannot be written.
    pub fn write_err(&self, text: &str) -> io::Result<()> {
        self.0.err.write(text)
    }

    /// Writes every line of standard error as a log line in JSON from then on.
    pub fn log_as_json(&self) {
        self.0.logs_json.store(true, Ordering::Relaxed);
    }

    pub fn logs_json(&self) -> bool {
        self.0.logs_json.load(Ordering::Relaxed)
    }

    pub fn out_is_terminal(&self) -> bool {
        self.0.out.is_terminal
    }

    pub fn err_is_terminal(&self) -> bool {
        self.0.err.is_terminal
    }

    /// Returns the current columns and rows of the terminal. Ignores the environment.
    pub fn terminal_size(&self) -> (u16, u16) {
        let size = self
            .out_is_terminal()
            .then(|| rustix::termios::tcgetwinsize(io::stdout()).ok())
            .flatten()
            .map(|size| (size.ws_col, size.ws_row));
        size.filter(|(columns, rows)| *columns > 0 && *rows > 0)
            .unwrap_or(DEFAULT_TERMINAL_SIZE)
    }

    /// Starts threads that write the lines, so that a slow reader does not block the program.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn queue(&self) -> io::Result<()> {
        self.0.out.start_queue()?;
        self.0.err.start_queue()
    }

    /// Returns when standard output is closed. A queue notices it on a write. Without a queue, the
    /// system is polled.
    pub async fn closed(&self) {
        if let Some(queue) = self.0.out.queue.get() {
            return queue.failed().await;
        }
        let mut ticks = tokio::time::interval(HANGUP_POLL_INTERVAL);
        while !(self.0.has_hung_up)() {
            ticks.tick().await;
        }
    }

    /// Checks that the queue of standard output could be written so far.
    ///
    /// # Errors
    /// [`StdoutClosed`] or [`StdoutFailed`].
    pub fn check(&self) -> anyhow::Result<()> {
        let queue = self.0.out.queue.get();
        queue.map_or(Ok(()), |queue| queue.check().map_err(stdout_error))
    }

    /// Whether nothing is queued for standard output.
    pub fn is_written(&self) -> bool {
        self.0
            .out
            .queue
            .get()
            .is_none_or(|queue| queue.is_written())
    }

    /// Waits briefly until the queued lines are written.
    pub fn finish(&self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        let unwritten = |stream: &OutputStream| {
            let queue = stream.queue.get();
            queue.map_or(0, |queue| queue.finish(deadline))
        };
        let lost = unwritten(&self.0.out);
        if lost > 0 {
            tracing::warn!("standard output was not read: the last {lost} lines were lost");
        }
        unwritten(&self.0.err);
    }
}

/// Standard error for [`tracing_subscriber`], which writes whole lines.
#[derive(Debug)]
pub struct LogWriter(pub Streams);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.err.write(&String::from_utf8_lossy(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One stream: written at once until a queue is started.
struct OutputStream {
    name: &'static str,
    is_terminal: bool,
    writer: Mutex<Box<dyn Write + Send>>,
    queue: OnceLock<Arc<QueuedWriter>>,
}

impl OutputStream {
    fn new(
        name: &'static str,
        is_terminal: bool,
        writer: impl Write + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            is_terminal,
            writer: Mutex::new(Box::new(writer)),
            queue: OnceLock::new(),
        })
    }

    fn write(&self, text: &str) -> io::Result<()> {
        match self.queue.get() {
            Some(queue) => queue.add(text.to_owned()),
            None => self.write_now(text),
        }
    }

    fn write_now(&self, text: &str) -> io::Result<()> {
        let mut writer = self.writer.lock();
        let written = writer
            .write_all(text.as_bytes())
            .and_then(|()| writer.flush());
        written.map_err(|cause| {
            // A terminal that hung up returns another error than a pipe.
            let is_gone =
                self.is_terminal && cause.raw_os_error() == Some(Errno::IO.raw_os_error());
            if is_gone {
                io::Error::from(ErrorKind::BrokenPipe)
            } else {
                cause
            }
        })
    }

    fn start_queue(self: &Arc<Self>) -> io::Result<()> {
        if self.queue.get().is_some() {
            return Ok(());
        }
        let stream = Arc::clone(self);
        let queue = QueuedWriter::start(self.name, move |line| stream.write_now(line))?;
        let _ = self.queue.set(queue);
        Ok(())
    }
}

fn stdout_error(cause: io::Error) -> anyhow::Error {
    if cause.kind() == ErrorKind::BrokenPipe {
        StdoutClosed(()).into()
    } else {
        StdoutFailed(cause).into()
    }
}

fn stdout_has_hung_up() -> bool {
    let stdout = io::stdout();
    // Errors and hang-ups are always reported, so no events are requested.
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    let answer = poll(&mut polled, Some(&Timespec::default()));
    answer.is_ok()
        && polled[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::HUP)
}

/// What was written to captured streams.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    out: Memory,
    err: Memory,
}

impl Captured {
    pub fn out(&self) -> String {
        self.out.text()
    }

    #[cfg(test)]
    pub fn err(&self) -> String {
        self.err.text()
    }

    /// Closes the reader's end of standard output.
    #[cfg(test)]
    pub fn close_out(&self) {
        self.out.0.lock().1 = true;
    }
}

impl Streams {
    /// Returns streams that are not terminals and write to memory.
    #[cfg(test)]
    pub fn captured() -> (Self, Captured) {
        Self::into(Captured::default())
    }

    /// Returns streams that are not terminals. Both write to the same memory, which is returned as
    /// standard output.
    pub fn joined() -> (Self, Captured) {
        let out = Memory::default();
        let err = out.clone();
        Self::into(Captured { out, err })
    }

    fn into(captured: Captured) -> (Self, Captured) {
        let out = captured.out.clone();
        let streams = Self(Arc::new(Inner {
            out: OutputStream::new("standard output", false, captured.out.clone()),
            err: OutputStream::new("standard error", false, captured.err.clone()),
            has_hung_up: Box::new(move || out.0.lock().1),
            logs_json: AtomicBool::new(false),
        }));
        (streams, captured)
    }
}

/// The bytes that were written, and whether the reader is gone.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<(Vec<u8>, bool)>>);

impl Memory {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().0).into_owned()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut memory = self.0.lock();
        if memory.1 {
            return Err(ErrorKind::BrokenPipe.into());
        }
        memory.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_messages_go_to_different_streams() {
        let (streams, captured) = Streams::captured();
        streams.print("done").unwrap();
        streams.say("careful\u{1b}[2J");
        assert_eq!(
            (captured.out(), captured.err()),
            ("done\n".to_owned(), "careful [2J\n".to_owned())
        );
    }

    #[tokio::test]
    async fn a_closed_standard_output_has_its_own_error() {
        let (streams, captured) = Streams::captured();
        captured.close_out();
        streams.closed().await;
        let error = streams.print("line").unwrap_err().context("printing");
        assert!(error.is::<StdoutClosed>() && is_stdout_error(&error));
        streams.print_if_read("line").unwrap();
    }

    #[tokio::test]
    async fn a_queue_reports_the_write_errors_of_its_thread() {
        let (streams, captured) = Streams::captured();
        streams.queue().unwrap();
        streams.print("first").unwrap();
        streams.finish();
        assert_eq!(captured.out(), "first\n");
        captured.close_out();
        streams.print("second").unwrap();
        streams.closed().await;
        assert!(streams.check().unwrap_err().is::<StdoutClosed>());
        assert!(streams.print("third").unwrap_err().is::<StdoutClosed>());
    }

    #[test]
    fn only_a_broken_pipe_means_that_the_reader_is_gone() {
        let full = io::Error::from(ErrorKind::StorageFull);
        let error = stdout_error(full);
        assert!(!error.is::<StdoutClosed>() && is_stdout_error(&error));
        let elsewhere = anyhow::Error::new(io::Error::from(ErrorKind::BrokenPipe));
        assert!(!is_stdout_error(&elsewhere));
    }
}
