//! The protocol between a supervisor and the process that started it: JSON Lines on standard
//! output, and one word on standard input.

use serde::{Deserialize, Serialize};

use crate::output::streams::Streams;
use crate::problem::Problem;

/// A line on the supervisor's standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum SupervisorEvent {
    /// A step of the start.
    Progress { text: String },
    /// All clusters are ready.
    Ready,
    /// The sandbox could not be started.
    Failed { message: String, next: Vec<String> },
}

impl SupervisorEvent {
    pub fn progress(text: impl Into<String>) -> Self {
        Self::Progress { text: text.into() }
    }

    pub fn failed(error: &anyhow::Error) -> Self {
        let Problem { message, next, .. } = Problem::of(error);
        Self::Failed { message, next }
    }

    /// Writes the line. Ignores errors: the supervisor notices on standard input that the reader
    /// has gone.
    pub fn send(&self, streams: &Streams) {
        if let Ok(line) = serde_json::to_string(self) {
            let _ = streams.print(&line);
        }
    }
}

/// The line on a supervisor's standard input that lets it outlive its starter.
pub const DETACH: &str = "detach";
