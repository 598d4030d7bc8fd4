//! A terminal's screen that is drawn over and over, and left as it was.

use super::streams::Streams;

/// A screen of its own, no cursor, and no line that runs over into the next one.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// Terminals that know this show the frame when it is whole.
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[J\x1b[?2026l";

/// The terminal gets its screen back when this is dropped.
#[derive(Debug)]
pub struct Screen {
    streams: Streams,
    entered: bool,
    frame: Vec<String>,
}

impl Screen {
    /// # Errors
    /// Where the terminal can't be written to.
    pub fn enter(streams: &Streams) -> anyhow::Result<Self> {
        let mut screen = Self {
            streams: streams.clone(),
            entered: false,
            frame: Vec::new(),
        };
        screen.resume()?;
        Ok(screen)
    }

    /// Takes the screen again after [`Self::leave`].
    ///
    /// # Errors
    /// Where the terminal can't be written to.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.entered = true;
        self.forget();
        self.write(ENTER)
    }

    /// Gives the terminal its screen back.
    ///
    /// # Errors
    /// Where the terminal can't be written to.
    pub fn leave(&mut self) -> anyhow::Result<()> {
        if std::mem::take(&mut self.entered) {
            self.write(LEAVE)
        } else {
            Ok(())
        }
    }

    /// What was drawn may no longer be there: the next frame is drawn even if it is the same.
    pub fn forget(&mut self) {
        self.frame.clear();
    }

    /// Draws these lines over those that are there; nothing if they are the same. What a line leaves of the old one
    /// is cleared after it, so that nothing is ever blank in between.
    ///
    /// # Errors
    /// Where the terminal can't be written to.
    pub fn draw(&mut self, frame: Vec<String>) -> anyhow::Result<()> {
        if frame == self.frame {
            return Ok(());
        }
        let lines: Vec<String> = frame.iter().map(|line| format!("{line}\x1b[K")).collect();
        self.frame = frame;
        self.write(&format!("{BEGIN}{}{END}", lines.join("\r\n")))
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        self.streams.write(text)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.leave();
    }
}
