//! The JSON document of an error.

use serde::Serialize;

use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::text::clean_json;
use crate::view::stream::API_VERSION;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    api_version: &'static str,
    kind: &'static str,
    /// Repeated here, since linkerd changes exit codes.
    exit_code: u8,
    message: String,
    next: Vec<String>,
}

impl Document {
    pub fn new(exit: Exit, message: &str, next: &[String]) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Error",
            exit_code: exit.code(),
            message: message.to_owned(),
            next: next.to_vec(),
        }
    }
}

/// The first line of clap's text says what is wrong, the others what to do.
pub fn of_usage(usage: &clap::Error) -> Document {
    let words = usage.render().to_string();
    let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines.next().unwrap_or_default();
    let next: Vec<String> = lines.map(str::to_owned).collect();
    Document::new(Exit::Usage, message.trim_start_matches("error: "), &next)
}

/// Prints it as one line. The command has failed already: failing to print that adds nothing.
pub fn print(streams: &Streams, document: &Document) {
    if let Ok(json) = serde_json::to_string(document) {
        let _ = streams.print(&clean_json(&json));
    }
}
