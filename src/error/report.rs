//! Prints errors, as text or JSON, and turns the outcome of a command into the exit code of the process.

use std::process::ExitCode;

use super::json;
use crate::output::logging;
use crate::output::terminal::say;
use crate::problem::{Exit, Problem};
use crate::text::{clean, clean_lines};

/// Prints clap's help, version or usage error, which programs that asked for JSON get as such; help and version are
/// no errors.
pub fn report_usage(usage: &clap::Error, json: bool) -> ExitCode {
    // A closed pipe (`… --help | head -1`) is no failure.
    let _ = usage.print();
    if !usage.use_stderr() {
        return Exit::Done.into();
    }
    if json {
        json::print(&json::of_usage(usage));
    }
    Exit::Usage.into()
}

/// An error in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Perhaps of several lines, safe to print.
    pub message: String,
    pub next: Vec<String>,
    pub exit: Exit,
    /// Standard output has it already.
    pub is_printed: bool,
}

impl Report {
    pub fn of(error: &anyhow::Error) -> Self {
        let problem = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<Problem>());
        Self {
            message: clean_lines(&format!("{error:#}")),
            next: problem
                .iter()
                .flat_map(|problem| &problem.next)
                .map(|line| clean(line))
                .collect(),
            exit: problem.map_or(Exit::Failed, |problem| problem.exit),
            is_printed: problem.is_some_and(|problem| problem.is_printed),
        }
    }

    /// Says it on standard error.
    pub fn say(&self) {
        if logging::is_json() {
            tracing::error!(
                next = self.next.join("; "),
                exit_code = self.exit.code(),
                "{}",
                self.message
            );
        } else {
            self.lines("error").iter().for_each(|line| say(line));
        }
    }

    /// The message after a word that says what it is about, and indented what to do next.
    pub fn lines(&self, about: &str) -> Vec<String> {
        let message = format!("{about}: {}", self.message);
        let next = self.next.iter().map(|line| format!("  {line}"));
        message.lines().map(str::to_owned).chain(next).collect()
    }
}

/// Prints the error of a command, if there is one, and gives the exit code. Programs that asked for JSON get the error
/// as such on standard output.
pub fn finish(outcome: anyhow::Result<Exit>, json: bool) -> ExitCode {
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) if is_broken_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            let told = Report::of(&error);
            told.say();
            if json && !told.is_printed {
                json::print(&json::Document::new(told.exit, &told.message, &told.next));
            }
            told.exit.into()
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
