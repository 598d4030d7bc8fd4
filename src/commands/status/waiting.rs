use std::cell::Cell;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep_until};

use crate::output::terminal::say;

/// What takes longer than this is said.
const NOTICEABLE: Duration = Duration::from_secs(1);
const SPIN: Duration = Duration::from_millis(120);

/// What is said on standard error during a wait: a spinner on a terminal, one line elsewhere.
pub struct Waiting {
    asked: String,
    timeout: Duration,
    started: Instant,
    spinner: Option<ProgressBar>,
    said: Cell<bool>,
}

impl Waiting {
    pub fn start(asked: String, timeout: Duration) -> Self {
        let spinner = std::io::stderr()
            .is_terminal()
            .then(ProgressBar::new_spinner);
        if let Some(spinner) = &spinner {
            // On one line, however narrow the terminal is.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(SPIN);
            spinner.set_message(format!("waiting for {asked}"));
        }
        Self {
            asked,
            timeout,
            started: Instant::now(),
            spinner,
            said: Cell::new(false),
        }
    }

    /// Says what is still missing.
    pub fn say(&self, missing: &[String]) {
        let first = missing.first().map(String::as_str).unwrap_or_default();
        match &self.spinner {
            Some(spinner) => spinner.set_message(format!("waiting for {}: {first}", self.asked)),
            None if self.said.get() || self.started.elapsed() < NOTICEABLE => {}
            None => {
                self.said.set(true);
                let seconds = self.timeout.as_secs_f64();
                say(&format!(
                    "waiting up to {seconds} s for {}: {first}",
                    self.asked
                ));
            }
        }
    }

    /// Comes once, when the wait has become noticeable.
    pub async fn reminder(&self) {
        if self.spinner.is_some() || self.said.get() {
            std::future::pending::<()>().await;
        }
        sleep_until(self.started + NOTICEABLE).await;
    }

    pub fn end(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
