//! Shows what `status --for` waits for: with a spinner on a terminal, otherwise in one line.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::output::spinner::Spinner;
use crate::output::streams::Streams;

/// Without a terminal, a shorter wait is not mentioned.
const NOTICEABLE_WAIT: Duration = Duration::from_secs(1);

pub struct Waiting {
    asked: String,
    timeout: Duration,
    started: Instant,
    streams: Streams,
    spinner: Spinner,
    said: Cell<bool>,
}

impl Waiting {
    pub fn start(streams: &Streams, asked: String, timeout: Duration) -> Self {
        let spinner = Spinner::new(streams);
        spinner.show(&format!("waiting for {asked}"));
        Self {
            asked,
            timeout,
            started: Instant::now(),
            streams: streams.clone(),
            spinner,
            said: Cell::new(false),
        }
    }

    /// Says what is still missing.
    pub fn say(&self, missing: &[String]) {
        let first = missing.first().map(String::as_str).unwrap_or_default();
        if self.spinner.is_visible() {
            self.spinner
                .show(&format!("waiting for {}: {first}", self.asked));
        } else if self.started.elapsed() >= NOTICEABLE_WAIT && !self.said.replace(true) {
            let seconds = self.timeout.as_secs_f64();
            self.streams.say(&format!(
                "waiting up to {seconds} s for {}: {first}",
                self.asked
            ));
        }
    }

    /// Returns once, when the wait has become noticeable.
    pub async fn reminder(&self) {
        if self.spinner.is_visible() || self.said.get() {
            std::future::pending::<()>().await;
        }
        sleep_until(self.started + NOTICEABLE_WAIT).await;
    }

    pub fn end(&self) {
        self.spinner.clear();
    }
}
