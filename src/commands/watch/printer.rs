//! Prints the controller's notices, logs them, and queues the hooks of moves.

use super::hooks::Hooks;
use crate::cli::StreamFormat;
use crate::model::{GroupId, Notice, Transition};
use crate::output::streams::Streams;
use crate::text::clean;
use crate::view::notices::{json_line, text_line};

/// Prints the notices of one context. Moves go to standard output, other notices to standard error.
/// If standard output is JSON or standard error is a JSON log, moves also go to standard error.
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
}

impl Printer<'_> {
    pub fn print(&self, notice: &Notice) -> anyhow::Result<()> {
        let mut words = text_line(notice);
        if let Notice::Started { .. } = notice {
            words.push_str(&format!("{} of context {}", self.place, self.context));
        }
        match notice {
            Notice::Moved(transition) | Notice::WouldMove(transition) => {
                self.print_move(notice, transition, &words)?;
            }
            _ if self.streams.logs_json() => {}
            _ => self.streams.say(&(self.prefix() + &words)),
        }
        if self.streams.logs_json() {
            self.log_each(notice, &words);
        }
        Ok(())
    }

    /// Logs a notice. A JSON log has one object for each group, even if one line of text covers
    /// many.
    fn log_each(&self, notice: &Notice, words: &str) {
        match notice {
            Notice::Batch(notices) => notices
                .iter()
                .for_each(|notice| self.log(notice, &text_line(notice))),
            notice => self.log(notice, words),
        }
    }

    fn print_move(
        &self,
        notice: &Notice,
        transition: &Transition,
        words: &str,
    ) -> anyhow::Result<()> {
        let json = json_line(notice, self.context)?.unwrap_or_default();
        let line = match self.format {
            StreamFormat::Text => &(self.prefix() + words),
            StreamFormat::Json => &json,
        };
        self.streams.print(line)?;
        if self.format == StreamFormat::Json && !self.streams.logs_json() {
            self.streams.say(&(self.prefix() + words));
        }
        if let (Some(hooks), Notice::Moved(_)) = (self.hooks, notice) {
            hooks.queue(transition, self.context, &json);
        }
        Ok(())
    }

    fn log(&self, notice: &Notice, words: &str) {
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
            tracing::warn!(context, namespace, object, group, "{words}");
        } else {
            tracing::info!(context, namespace, object, group, from, to, why, "{words}");
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
