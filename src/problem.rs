//! A failure as the user sees it, and the exit codes of all commands.

use std::process::ExitCode;
use std::time::Duration;

use crate::text::nearest::nearest;
use crate::text::{clean, clean_lines};

/// The exit codes of all commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    NotMet,
    Refused,
    /// The exit code of another command, or of a signal.
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

/// The time limit to suggest for a request that got no answer.
const LONGER_TIMEOUT: Duration = Duration::from_secs(60);

/// Returns how to allow more time for a request, unless it had as much.
pub fn more_time(after: Duration) -> Option<&'static str> {
    (after < LONGER_TIMEOUT).then_some("allow more time with --request-timeout 60s")
}

/// A failure as the user sees it: what failed where, what to do next, and the exit code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    pub message: String,
    /// What to do next, in lines below the message.
    pub next: Vec<String>,
    pub exit: Exit,
    /// The JSON or YAML on standard output already reports it, with the exit code.
    pub is_printed: bool,
    /// The API server could not be reached, or did not answer.
    pub is_unreachable: bool,
}

impl Problem {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            next: Vec::new(),
            exit: Exit::Failed,
            is_printed: false,
            is_unreachable: false,
        }
    }

    /// Converts an error to a problem that is safe to print. If its chain contains a problem, keeps
    /// the next steps and the exit code of that.
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
        Self::new(message).with_exit(Exit::Usage)
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(message).with_exit(Exit::Refused)
    }

    pub fn not_met(message: impl Into<String>) -> Self {
        Self::new(message).with_exit(Exit::NotMet)
    }

    #[must_use]
    pub fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    #[must_use]
    pub fn next(mut self, line: impl Into<String>) -> Self {
        self.next.push(line.into());
        self
    }

    #[must_use]
    pub fn next_all(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.next.extend(lines);
        self
    }

    /// Returns the message after `about` and a colon, then the next steps, indented.
    pub fn lines(&self, about: &str) -> Vec<String> {
        let message = format!("{about}: {}", self.message);
        let next = self.next.iter().map(|line| format!("  {line}"));
        message.lines().map(str::to_owned).chain(next).collect()
    }

    /// Suggests the known name that is nearest to an unknown one.
    #[must_use]
    pub fn did_you_mean<'a>(self, typed: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(typed, known) {
            Some(name) => self.next(format!("did you mean {name}?")),
            None => self,
        }
    }

    /// Lists the known names.
    #[must_use]
    pub fn there_are<'a>(self, what: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        const MAX_LISTED_NAMES: usize = 20;
        let known: Vec<&str> = known.into_iter().collect();
        let more = if known.len() > MAX_LISTED_NAMES {
            ", …"
        } else {
            ""
        };
        let shown = known.get(..MAX_LISTED_NAMES).unwrap_or(&known).join(", ");
        self.next(format!("available {what}: {shown}{more}"))
    }
}
