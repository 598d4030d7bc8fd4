//! What a user sees while something takes its time: a spinner on a terminal, plain lines elsewhere, all on stderr.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::sandbox::cli::out;

const TICK: Duration = Duration::from_millis(120);
/// How often a line says that it still goes on where there is no terminal.
const REMINDER: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Progress {
    started: Instant,
    spinner: Option<ProgressBar>,
}

impl Progress {
    pub fn start(text: &str) -> Self {
        let progress = Self {
            started: Instant::now(),
            spinner: spinner(),
        };
        progress.say(text);
        progress
    }

    /// Says what happens now.
    pub fn say(&self, text: &str) {
        match &self.spinner {
            Some(spinner) => spinner.set_message(text.to_owned()),
            None => out::note(text),
        }
    }

    /// Waits for `work`, and says now and then that it still goes on.
    pub async fn during<T>(&self, text: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(REMINDER, &mut work).await {
                Ok(done) => return done,
                Err(_) if self.spinner.is_none() => {
                    out::note(format!(
                        "{text} ({} so far)",
                        in_words(self.started.elapsed())
                    ));
                }
                Err(_) => {}
            }
        }
    }

    /// Takes the spinner away and leaves `text`.
    pub fn finish(&self, text: &str) {
        self.clear();
        out::note(format!("{text} ({})", in_words(self.started.elapsed())));
    }

    pub fn clear(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn spinner() -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(TICK);
    Some(spinner)
}

fn in_words(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        0..10 => format!("{:.1} s", elapsed.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
