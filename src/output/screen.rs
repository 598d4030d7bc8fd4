//! A full-screen display on a terminal, drawn by ratatui. The terminal's own screen is restored at
//! the end, and when the program panics.

use std::io::{self, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::streams::Streams;

/// The alternate screen, no cursor, and no line wrap.
const ENTER_SCREEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE_SCREEN: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const CLEAR_SCREEN: &str = "\x1b[2J";
/// A synchronised update: terminals that support it show only complete frames.
const BEGIN_FRAME: &str = "\x1b[?2026h";
const END_FRAME: &str = "\x1b[?2026l";

/// Whether the terminal has to be restored when the program panics.
static IS_ENTERED: AtomicBool = AtomicBool::new(false);

/// Restores the terminal's own screen when it is dropped.
#[derive(Debug)]
pub struct Screen {
    streams: Streams,
    /// Whether keys are read one by one.
    has_keys: bool,
    entered: bool,
    /// What the terminal shows.
    shown: Option<Buffer>,
}

impl Screen {
    /// Enters the screen. A thread writes to the terminal from then on, so that a slow one does not
    /// hold up the program. With `has_keys`, the terminal passes keys on at once.
    ///
    /// # Errors
    /// If the terminal cannot be written or set up.
    pub fn enter(streams: &Streams, has_keys: bool) -> anyhow::Result<Self> {
        streams.queue().context("starting to write")?;
        restore_on_panic();
        let mut screen = Self {
            streams: streams.clone(),
            has_keys,
            entered: false,
            shown: None,
        };
        screen.resume()?;
        Ok(screen)
    }

    /// Enters the screen again after [`Self::leave`].
    ///
    /// # Errors
    /// If the terminal cannot be written or set up.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        if self.has_keys {
            enable_raw_mode().context("reading keys")?;
        }
        self.entered = true;
        IS_ENTERED.store(true, Ordering::Relaxed);
        self.shown = None;
        self.streams.write(ENTER_SCREEN)
    }

    /// Restores the terminal's own screen, once all that was drawn is written.
    ///
    /// # Errors
    /// If the terminal cannot be written or set up.
    pub fn leave(&mut self) -> anyhow::Result<()> {
        if !std::mem::take(&mut self.entered) {
            return Ok(());
        }
        let written = self.streams.write(LEAVE_SCREEN);
        self.streams.finish();
        IS_ENTERED.store(false, Ordering::Relaxed);
        if self.has_keys {
            disable_raw_mode().context("restoring the terminal")?;
        }
        written
    }

    /// Draws what has changed since the last frame. Returns false, and draws nothing, if the
    /// terminal has not taken the last frame yet.
    ///
    /// # Errors
    /// If the terminal cannot be written.
    pub fn draw(&mut self, render: impl FnOnce(&mut Buffer)) -> anyhow::Result<bool> {
        self.streams.check()?;
        if !self.streams.is_written() {
            return Ok(false);
        }
        let (columns, rows) = self.streams.terminal_size();
        let area = Rect::new(0, 0, columns, rows);
        let mut next = Buffer::empty(area);
        render(&mut next);
        let same_size = self.shown.take().filter(|shown| shown.area == area);
        let clear = if same_size.is_some() {
            ""
        } else {
            CLEAR_SCREEN
        };
        let shown = same_size.unwrap_or_else(|| Buffer::empty(area));
        let changed = shown.diff(&next);
        if !changed.is_empty() {
            let mut bytes = Vec::new();
            CrosstermBackend::new(&mut bytes).draw(changed.into_iter())?;
            let text = String::from_utf8_lossy(&bytes);
            self.streams
                .write(&format!("{BEGIN_FRAME}{clear}{text}{END_FRAME}"))?;
        }
        self.shown = Some(next);
        Ok(true)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.leave();
    }
}

/// Restores the terminal before the message of a panic is printed.
fn restore_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if IS_ENTERED.swap(false, Ordering::Relaxed) {
                let _ = disable_raw_mode();
                let mut stdout = io::stdout();
                let _ = stdout.write_all(LEAVE_SCREEN.as_bytes());
                let _ = stdout.flush();
            }
            print(panic);
        }));
    });
}
