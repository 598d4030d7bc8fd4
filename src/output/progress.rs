//! The progress of work on many items, on standard error: a bar on a terminal, otherwise lines.

use indicatif::{ProgressBar, ProgressStyle};

use super::streams::Streams;
use crate::text::clean;

/// Disappears when it is dropped.
#[derive(Debug)]
pub struct Progress {
    streams: Streams,
    /// None if there is no terminal.
    bar: Option<ProgressBar>,
}

impl Progress {
    pub fn new(streams: &Streams, total: usize) -> Self {
        let bar = streams.err_is_terminal().then(|| new_bar(total));
        Self {
            streams: streams.clone(),
            bar,
        }
    }

    /// Counts an item that is done.
    pub fn count(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Shows a text beside the bar, and nothing elsewhere.
    pub fn show(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(clean(text));
        }
    }

    /// Shows a text beside the bar, after the fraction that is done, and writes a line elsewhere.
    pub fn step(&self, beside: &str, line: &str) {
        match &self.bar {
            Some(_) => self.show(beside),
            None => self.streams.say(line),
        }
    }

    /// Writes a line above the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.streams.say(line)),
            None => self.streams.say(line),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(total: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_steps_are_lines() {
        let (streams, captured) = Streams::captured();
        let progress = Progress::new(&streams, 2);
        progress.count();
        progress.show("first");
        progress.step("groups, 1 moved", "1 of 2 moved");
        progress.say("warning: slow");
        assert_eq!(captured.err(), "1 of 2 moved\nwarning: slow\n");
    }
}
