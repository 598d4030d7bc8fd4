//! The live table: one frame of it, as lines.

use std::collections::VecDeque;

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::ago::ago;
use super::changes::what;
use super::table::{self, Style};
use super::text::clean;
use crate::model::{Status, StatusChange};

/// How many transitions are shown.
const MOST_TRANSITIONS: usize = 5;

/// What a frame shows.
#[derive(Debug)]
pub struct Live<'a> {
    /// Which groups, and in which cluster.
    pub place: &'a str,
    pub context: &'a str,
    pub statuses: &'a [Status],
    /// What is to be said above the table: names that no group has, or that the connection is lost.
    pub warning: Option<String>,
    pub transitions: &'a Transitions,
    pub style: Style,
    pub now: Timestamp,
    pub columns: u16,
    pub rows: u16,
}

/// The last transitions, the newest first.
#[derive(Debug, Default)]
pub struct Transitions {
    last: VecDeque<(Timestamp, String)>,
}

impl Transitions {
    pub fn add(&mut self, change: &StatusChange, at: Timestamp) {
        self.last.push_front((at, clean(&what(change))));
        self.last.truncate(MOST_TRANSITIONS);
    }
}

impl Live<'_> {
    /// The lines of the frame: never more than the terminal has rows. Where not everything fits, the table goes
    /// before the transitions, and what is cut is counted.
    pub fn frame(&self) -> Vec<String> {
        let mut lines = self.head();
        let below = self.transitions();
        let body = self.body();
        let rows = usize::from(self.rows).max(1);
        let left = rows.saturating_sub(lines.len() + below.len());
        if body.len() <= left {
            lines.extend(body);
            lines.extend(below);
        } else {
            let left = rows.saturating_sub(lines.len() + 1);
            let cut = body.len().saturating_sub(left);
            let rest = if cut == 0 { below.len() } else { cut };
            lines.extend(body.into_iter().take(left));
            lines.push(format!("… {rest} more lines do not fit"));
        }
        lines.truncate(rows);
        lines
    }

    fn head(&self) -> Vec<String> {
        let count = match self.statuses.len() {
            1 => "1 group".to_owned(),
            count => format!("{count} groups"),
        };
        let clock = self.now.strftime("%H:%M:%SZ");
        let mut lines = vec![self.cut(&format!("{clock}  {count} in {}", self.place))];
        if let Some(warning) = &self.warning {
            lines.extend(wrap(&clean(warning), self.columns.into()));
        }
        lines.push(String::new());
        lines
    }

    fn body(&self) -> Vec<String> {
        if self.statuses.is_empty() {
            let next = "make one with: kubectl failover create SERVICE --fallback SERVICE";
            return wrap(&format!("No groups yet; {next}"), self.columns.into());
        }
        let style = Style { width: Some(self.columns), ..self.style };
        let rows = table::rows(self.statuses, style, self.now);
        let notes = table::notes(self.statuses, self.context, self.now);
        let notes = notes.lines().flat_map(|line| wrap(line, self.columns.into()));
        let mut lines: Vec<String> = rows.lines().map(str::to_owned).collect();
        let notes: Vec<String> = notes.collect();
        if !notes.is_empty() {
            lines.push(String::new());
            lines.extend(notes);
        }
        lines
    }

    fn transitions(&self) -> Vec<String> {
        if self.transitions.last.is_empty() {
            return Vec::new();
        }
        let line = |(at, what): &(Timestamp, String)| {
            self.cut(&format!("{} ({} ago) {what}", at.strftime("%H:%M:%SZ"), ago(*at, self.now)))
        };
        let heading = [String::new(), "Last changes:".to_owned()];
        heading.into_iter().chain(self.transitions.last.iter().map(line)).collect()
    }

    fn cut(&self, text: &str) -> String {
        wrap(text, self.columns.into()).into_iter().next().unwrap_or_default()
    }
}

/// Breaks a line at spaces, or where a word is too long anywhere, so that each piece fits into so many columns;
/// pieces after the first one are indented.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    const INDENT: &str = "    ";
    let columns = columns.max(2 * INDENT.len());
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_inclusive(' ') {
        if line.width() + word.trim_end().width() > columns && !line.trim().is_empty() {
            lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
        }
        for character in word.chars() {
            if line.width() + character.width().unwrap_or(0) > columns {
                if character == ' ' {
                    continue;
                }
                lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
            }
            line.push(character);
        }
    }
    lines.push(line);
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}
