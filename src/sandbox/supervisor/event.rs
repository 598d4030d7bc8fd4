//! What a supervisor tells the process that started it, one line of JSON each on its standard output.

use serde::{Deserialize, Serialize};

use crate::output::streams::Streams;
use crate::problem::Problem;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum SupervisorEvent {
    Progress { text: String },
    Ready,
    Failed { message: String, next: Vec<String> },
}

impl SupervisorEvent {
    pub fn progress(text: impl Into<String>) -> Self {
        Self::Progress { text: text.into() }
    }

    pub fn failed(error: &anyhow::Error) -> Self {
        let problem = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<Problem>());
        let next = problem
            .map(|problem| problem.next.clone())
            .unwrap_or_default();
        Self::Failed {
            message: format!("{error:#}"),
            next,
        }
    }

    /// Writes the line. A reader that is gone shows itself on standard input, so that failing here means nothing.
    pub fn tell(&self, streams: &Streams) {
        if let Ok(line) = serde_json::to_string(self) {
            let _ = streams.print(&line);
        }
    }
}

/// What the starter writes to a supervisor's standard input to let it live on without it.
pub const STAY: &str = "stay";
