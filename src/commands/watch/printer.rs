//! What the loop tells, to those who listen.

use super::hooks::Hooks;
use crate::cli::StreamFormat;
use crate::model::{GroupId, Notice, Transition};
use crate::output::streams::Streams;
use crate::output::terminal::say;
use crate::text::clean;
use crate::view::stream::{json_line, text_line};

/// Tells of the loop of one context. Moves go to standard output, everything else to standard error, and moves too
/// where standard output has them as JSON, or standard error everything.
#[derive(Debug)]
pub struct Printer<'a> {
    pub context: &'a str,
    /// Each line of text names the context: there are several.
    pub names_context: bool,
    /// Where the groups are, in words.
    pub place: String,
    pub format: StreamFormat,
    pub hooks: Option<&'a Hooks>,
}

impl Printer<'_> {
    pub fn tell(&self, notice: &Notice) -> anyhow::Result<()> {
        let mut words = text_line(notice);
        if let Notice::Started { .. } = notice {
            words.push_str(&format!("{} of context {}", self.place, self.context));
        }
        match notice {
            Notice::Moved(transition) | Notice::WouldMove(transition) => {
                self.tell_move(notice, transition, &words)?;
            }
            _ if Streams::process().logs_json() => {}
            _ => say(&(self.prefix() + &words)),
        }
        if Streams::process().logs_json() {
            self.log_each(notice, &words);
        }
        Ok(())
    }

    /// For machines there is an object for each group, also where one line of text tells of many.
    fn log_each(&self, notice: &Notice, words: &str) {
        match notice {
            Notice::Many(notices) => notices
                .iter()
                .for_each(|notice| self.log(notice, &text_line(notice))),
            notice => self.log(notice, words),
        }
    }

    fn tell_move(
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
        Streams::process().print(line)?;
        if self.format == StreamFormat::Json && !Streams::process().logs_json() {
            say(&(self.prefix() + words));
        }
        if let (Some(hooks), Notice::Moved(_)) = (self.hooks, notice) {
            hooks.tell(transition, self.context, json);
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
