//! Prints the controller's notices, logs them, and queues the hooks of moves.

use super::hooks::Hooks;
use super::journal_file::JournalFile;
use crate::cli::StreamFormat;
use crate::model::{EventKind, GroupEvent, GroupId, Notice};
use crate::output::streams::Streams;
use crate::text::clean;
use crate::view::notices::{event_line, move_line, text_line};
use crate::watch::WatchReport;

/// Prints the notices of one context. Moves go to standard output, other notices to standard error.
/// If standard output is JSON, moves also go to standard error. If standard error is a JSON log, text
/// goes nowhere else: a container has both streams in one log.
#[derive(Debug)]
pub struct Printer<'a> {
    pub streams: &'a Streams,
    pub context: &'a str,
    /// Begin each line of text with the context, since there are several.
    pub names_context: bool,
    /// Where the groups are, as the end of a sentence.
    pub place: String,
    pub format: StreamFormat,
    pub hooks: Option<&'a Hooks>,
    pub journal: Option<&'a JournalFile>,
}

impl Printer<'_> {
    /// Prints a report, and queues the hooks of its events.
    pub fn print(&self, report: &WatchReport) -> anyhow::Result<()> {
        let WatchReport { at, notice, events } = report;
        let mut words = text_line(notice);
        if let Notice::Started { .. } = notice {
            words.push_str(&format!("{} of context {}", self.place, self.context));
        }
        let (at, is_move) = match notice {
            Notice::Moved(transition) | Notice::WouldMove(transition) => (transition.at, true),
            _ => (*at, false),
        };
        let line = format!("{at:.0} {}{words}", self.prefix());
        if self.streams.logs_json() {
            match notice {
                Notice::Batch(notices) => notices
                    .iter()
                    .for_each(|notice| self.log(notice, &text_line(notice))),
                notice => self.log(notice, &words),
            }
        } else if is_move && self.format == StreamFormat::Text {
            self.streams.print(&line)?;
        } else {
            self.streams.say(&line);
        }
        for json in self.json_lines(notice, events)? {
            if self.format == StreamFormat::Json {
                self.streams.print(&json)?;
            }
        }
        Ok(())
    }

    /// Returns the JSON of the events, adds them to the journal and queues their hooks.
    fn json_lines(&self, notice: &Notice, events: &[GroupEvent]) -> anyhow::Result<Vec<String>> {
        if let Notice::WouldMove(_) = notice {
            return Ok(move_line(notice, self.context)?.into_iter().collect());
        }
        let mut lines = Vec::new();
        for event in events {
            let json = match move_line(notice, self.context)? {
                Some(json) => json,
                None => event_line(event, self.context)?,
            };
            if let Some(journal) = self.journal {
                journal.add(event, self.context);
            }
            if let Some(hooks) = self.hooks {
                hooks.queue(event, self.context, &json);
            }
            lines.push(json);
        }
        Ok(lines)
    }

    /// A JSON log has one object for each group, even if one line of text covers many.
    fn log(&self, notice: &Notice, words: &str) {
        let event = notice.event_kind().map(EventKind::name);
        let (context, namespace) = (self.context, notice.namespace());
        let group = notice.group().map(|GroupId { name, .. }| name.as_str());
        let object = notice.group().map(|group| group.kind);
        let (mut from, mut to, mut why) = (None, None, None);
        if let Notice::Moved(transition) | Notice::WouldMove(transition) = notice {
            from = Some(transition.was_active());
            to = Some(transition.active());
            why = Some(transition.why.as_str());
        }
        if notice.is_warning() {
            tracing::warn!(context, namespace, object, group, event, "{words}");
        } else {
            tracing::info!(
                context, namespace, object, group, event, from, to, why, "{words}"
            );
        }
    }

    fn prefix(&self) -> String {
        if self.names_context {
            format!("{}: ", clean(self.context))
        } else {
            String::new()
        }
    }
}
