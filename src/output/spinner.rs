//! The progress of a slow operation, on standard error: a spinner on a terminal, otherwise plain
//! lines.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::streams::Streams;
use crate::text::clean;

const SPIN_INTERVAL: Duration = Duration::from_millis(120);
/// How often a line says that the work continues, if there is no terminal.
const REMINDER_INTERVAL: Duration = Duration::from_secs(30);

/// Appears with its first text, and disappears when it is dropped.
#[derive(Debug)]
pub struct Spinner {
    streams: Streams,
    started: Instant,
    bar: OnceLock<ProgressBar>,
}

impl Spinner {
    pub fn new(streams: &Streams) -> Self {
        Self {
            streams: streams.clone(),
            started: Instant::now(),
            bar: OnceLock::new(),
        }
    }

    /// Whether a terminal shows it.
    pub fn is_visible(&self) -> bool {
        self.streams.err_is_terminal()
    }

    /// Shows a text on a terminal, and nothing elsewhere.
    pub fn show(&self, text: &str) {
        if self.is_visible() {
            self.bar.get_or_init(new_bar).set_message(clean(text));
        }
    }

    /// Shows a text on a terminal, and writes it as a line elsewhere.
    pub fn step(&self, text: &str) {
        if self.is_visible() {
            self.show(text);
        } else {
            self.streams.say(text);
        }
    }

    /// Waits for `work`. Without a terminal, writes `text` every 30 s until then.
    pub async fn during<T>(&self, text: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(REMINDER_INTERVAL, &mut work).await {
                Ok(done) => return done,
                Err(_) if self.is_visible() => {}
                Err(_) => self
                    .streams
                    .say(&format!("{text} ({} so far)", self.elapsed())),
            }
        }
    }

    /// Replaces the spinner with a line.
    pub fn finish(&self, text: &str) {
        self.clear();
        self.streams.say(&format!("{text} ({})", self.elapsed()));
    }

    pub fn clear(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }

    fn elapsed(&self) -> String {
        let elapsed = self.started.elapsed();
        match elapsed.as_secs() {
            0..10 => format!("{:.1} s", elapsed.as_secs_f64()),
            seconds @ 10..60 => format!("{seconds} s"),
            seconds => format!("{} min {} s", seconds / 60, seconds % 60),
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.clear();
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    // One line, however narrow the terminal is.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(SPIN_INTERVAL);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn without_a_terminal_the_spinner_prints_lines() {
        let (streams, captured) = Streams::captured();
        let spinner = Spinner::new(&streams);
        spinner.show("waiting");
        spinner.step("Building");
        let work = tokio::time::sleep(Duration::from_secs(40));
        spinner.during("Still building", work).await;
        spinner.finish("Built");
        assert_eq!(
            captured.err(),
            "Building\nStill building (0.0 s so far)\nBuilt (0.0 s)\n"
        );
    }
}
