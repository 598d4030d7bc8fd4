//! A full-screen display on a terminal, whose own screen is restored at the end.

use super::streams::Streams;

/// The alternate screen, no cursor, and no line wrap.
const ENTER_SCREEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE_SCREEN: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// A synchronised update: terminals that support it show only complete frames.
const BEGIN_FRAME: &str = "\x1b[?2026h\x1b[H";
const END_FRAME: &str = "\x1b[J\x1b[?2026l";

/// Restores the terminal's own screen when it is dropped.
#[derive(Debug)]
pub struct Screen {
    streams: Streams,
    entered: bool,
    frame: Vec<String>,
}

impl Screen {
    /// # Errors
    /// If the terminal cannot be written.
    pub fn enter(streams: &Streams) -> anyhow::Result<Self> {
        let mut screen = Self {
            streams: streams.clone(),
            entered: false,
            frame: Vec::new(),
        };
        screen.resume()?;
        Ok(screen)
    }

    /// Enters the screen again after [`Self::leave`].
    ///
    /// # Errors
    /// If the terminal cannot be written.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.entered = true;
        self.forget();
        self.streams.write(ENTER_SCREEN)
    }

    /// Restores the terminal's own screen.
    ///
    /// # Errors
    /// If the terminal cannot be written.
    pub fn leave(&mut self) -> anyhow::Result<()> {
        if std::mem::take(&mut self.entered) {
            self.streams.write(LEAVE_SCREEN)
        } else {
            Ok(())
        }
    }

    /// Makes the next call of [`Self::draw`] draw the frame even if it is the same.
    pub fn forget(&mut self) {
        self.frame.clear();
    }

    /// Draws these lines over the last ones, unless they are the same. The rest of each line is
    /// cleared after it, so that the screen does not flicker.
    ///
    /// # Errors
    /// If the terminal cannot be written.
    pub fn draw(&mut self, frame: Vec<String>) -> anyhow::Result<()> {
        if frame == self.frame {
            return Ok(());
        }
        let lines: Vec<String> = frame.iter().map(|line| format!("{line}\x1b[K")).collect();
        self.frame = frame;
        self.streams
            .write(&format!("{BEGIN_FRAME}{}{END_FRAME}", lines.join("\r\n")))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.leave();
    }
}
