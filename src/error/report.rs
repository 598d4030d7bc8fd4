//! Prints errors as text or JSON, and turns a command's outcome into the process's exit code.

use std::process::ExitCode;

use super::json;
use crate::output::streams::{StdoutClosed, Streams};
use crate::problem::{Exit, Problem};
use crate::text::{clean, clean_lines};

/// Prints clap's help, version or usage error; with `-o json`, a usage error is printed as JSON too.
pub fn report_usage(streams: &Streams, usage: &clap::Error, json: bool) -> ExitCode {
    // A closed pipe is not a failure: `… --help | head -1`.
    let _ = usage.print();
    if !usage.use_stderr() {
        return Exit::Done.into();
    }
    if json {
        json::print(streams, &json::of_usage(usage));
    }
    Exit::Usage.into()
}

/// An error as it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One line or several, safe to print.
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

    /// Writes it to standard error.
    pub fn say(&self, streams: &Streams) {
        if streams.logs_json() {
            tracing::error!(
                next = self.next.join("; "),
                exit_code = self.exit.code(),
                "{}",
                self.message
            );
        } else {
            self.lines("error")
                .iter()
                .for_each(|line| streams.say(line));
        }
    }

    /// The message after a prefix, and indented lines that say what to do next.
    pub fn lines(&self, about: &str) -> Vec<String> {
        let message = format!("{about}: {}", self.message);
        let next = self.next.iter().map(|line| format!("  {line}"));
        message.lines().map(str::to_owned).chain(next).collect()
    }
}

/// Prints the error of a command, if there is one, and returns the exit code. With `-o json` the error is printed as
/// JSON too. A standard output that nobody reads any more is not an error.
pub fn finish(streams: &Streams, outcome: anyhow::Result<Exit>, json: bool) -> ExitCode {
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) if error.is::<StdoutClosed>() => Exit::Done.into(),
        Err(error) => {
            let told = Report::of(&error);
            told.say(streams);
            if json && !told.is_printed {
                json::print(
                    streams,
                    &json::Document::new(told.exit, &told.message, &told.next),
                );
            }
            told.exit.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_broken_pipe_of_something_else_is_an_error() {
        let error = anyhow::Error::new(Error::from(ErrorKind::BrokenPipe))
            .context("telling the supervisor to stay");
        let (streams, captured) = Streams::captured();
        let code = finish(&streams, Err(error), false);
        assert_eq!(code, ExitCode::from(1));
        assert!(captured.err().starts_with("error: telling the supervisor"));
    }

    #[test]
    fn a_closed_standard_output_ends_in_silence() {
        let (streams, captured) = Streams::captured();
        captured.close_out();
        let error = streams.print("line").unwrap_err().context("printing");
        let code = finish(&streams, Err(error), true);
        assert_eq!((code, captured.err().as_str()), (ExitCode::SUCCESS, ""));
    }
}
