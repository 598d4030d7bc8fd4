//! A failure in words for the user, and the exit codes of every command.

use std::process::ExitCode;

use crate::text::nearest::nearest;
use crate::text::{clean, clean_lines};

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    NotMet,
    Refused,
    /// The exit code of a command that was run on the user's behalf.
    Passed(u8),
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotMet => 3,
            Self::Refused => 4,
            Self::Passed(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// A failure in words for the user: what failed and where, what to do next, and how to exit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    pub message: String,
    /// Lines that say what to do next; printed below the message.
    pub next: Vec<String>,
    pub exit: Exit,
    /// What was printed as JSON or YAML says all of it, the exit code too.
    pub is_printed: bool,
}

impl Problem {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            next: Vec::new(),
            exit: Exit::Failed,
            is_printed: false,
        }
    }

    /// Returns an error in words that are safe to print. The problem in its chain, if there is one,
    /// says what to do next and how to exit.
    pub fn of(error: &anyhow::Error) -> Self {
        let cause = error.chain().find_map(|cause| cause.downcast_ref::<Self>());
        let message = clean_lines(&format!("{error:#}"));
        match cause {
            Some(problem) => Self {
                message,
                next: problem.next.iter().map(|line| clean(line)).collect(),
                ..problem.clone()
            },
            None => Self::new(message),
        }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::new(message)
        }
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Refused,
            ..Self::new(message)
        }
    }

    pub fn not_met(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::NotMet,
            ..Self::new(message)
        }
    }

    #[must_use]
    pub fn next(mut self, line: impl Into<String>) -> Self {
        self.next.push(line.into());
        self
    }

    /// The message after a word that says what it is about, and indented what to do next.
    pub fn lines(&self, about: &str) -> Vec<String> {
        let message = format!("{about}: {}", self.message);
        let next = self.next.iter().map(|line| format!("  {line}"));
        message.lines().map(str::to_owned).chain(next).collect()
    }

    /// Names the one that may have been meant instead of an unknown one.
    #[must_use]
    pub fn did_you_mean<'a>(self, typed: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(typed, known) {
            Some(name) => self.next(format!("did you mean {name}?")),
            None => self,
        }
    }

    /// Lists what there is instead of something unknown.
    #[must_use]
    pub fn there_are<'a>(self, what: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        const MOST: usize = 20;
        let known: Vec<&str> = known.into_iter().collect();
        let more = if known.len() > MOST { ", …" } else { "" };
        let shown = known.get(..MOST).unwrap_or(&known).join(", ");
        self.next(format!("{what} there are: {shown}{more}"))
    }
}
