//! A line below the table of groups, and how it is printed.

use super::next_step::NextStep;
use super::table::TableStyle;
use crate::model::State;
use crate::text::{clean, wrap};
use crate::view::columns::{Colour, paint_text};

/// A line below the table.
#[derive(Debug, Clone)]
pub struct NoteLine {
    pub text: String,
    colour: Option<Colour>,
    /// It has a command to paste.
    pub is_command: bool,
}

impl NoteLine {
    pub fn plain(text: String) -> Self {
        Self {
            text,
            colour: None,
            is_command: false,
        }
    }

    pub fn command(step: &NextStep) -> Self {
        Self {
            is_command: true,
            ..Self::plain(format!("  {}: {}", step.label, clean(&step.command)))
        }
    }

    pub fn coloured(self, colour: Colour) -> Self {
        Self {
            colour: Some(colour),
            ..self
        }
    }

    /// Returns it in the colour of what is said of groups in this state.
    pub fn of_state(self, state: State) -> Self {
        if state == State::Down {
            self.coloured(Colour::Red)
        } else {
            self
        }
    }

    pub fn of_cluster(self, context: &str) -> Self {
        Self {
            text: format!("{context}: {}", self.text),
            ..self
        }
    }

    /// Returns the lines that it takes in this many columns.
    pub fn folded(&self, columns: u16, style: TableStyle) -> Vec<String> {
        let lines = wrap(&self.text, columns.into()).into_iter();
        lines.map(|line| self.painted(line, style)).collect()
    }

    /// Returns it as one line.
    pub fn whole(&self, style: TableStyle) -> String {
        self.painted(self.text.clone(), style)
    }

    fn painted(&self, line: String, style: TableStyle) -> String {
        match self.colour.filter(|_| style.colour) {
            Some(colour) => paint_text(&line, colour),
            None => line,
        }
    }
}

/// What is said of one group, or of several for the same cause.
pub struct Note {
    pub lines: Vec<NoteLine>,
    pub next: Vec<NextStep>,
}
