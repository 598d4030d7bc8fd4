//! The JSON document of an error.

use serde::Serialize;

use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::view::formats::{API_VERSION, json_line};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorDocument<'a> {
    api_version: &'static str,
    kind: &'static str,
    /// Included because linkerd changes exit codes.
    exit_code: u8,
    message: &'a str,
    next: &'a [String],
}

/// Prints one line of JSON. Ignores a failure to print, since the command has already failed.
pub fn print(streams: &Streams, problem: &Problem) {
    let document = ErrorDocument {
        api_version: API_VERSION,
        kind: "Error",
        exit_code: problem.exit.code(),
        message: &problem.message,
        next: &problem.next,
    };
    if let Ok(line) = json_line(&document) {
        let _ = streams.print(&line);
    }
}

/// Converts a usage error. The first line of clap's text is the error, and the others are what to
/// do.
pub fn of_usage(usage: &clap::Error) -> Problem {
    let words = usage.render().to_string();
    let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines.next().unwrap_or_default();
    let problem = Problem::usage(message.trim_start_matches("error: "));
    lines.fold(problem, Problem::next)
}
