//! What is wrong in a file, with the lines.

use crate::problem::Problem;

/// Mistakes beyond this number are only counted.
const MAX_MISTAKES: usize = 20;

/// What is wrong in a line.
pub struct BadLine {
    pub line: u64,
    pub message: String,
    /// What to do, if it can be told.
    pub next: Option<String>,
}

/// Returns a mistake without a next step.
pub fn bad(line: u64, message: impl Into<String>) -> BadLine {
    BadLine {
        line,
        message: message.into(),
        next: None,
    }
}

/// Reports all mistakes of a file: one in the message, or several below it.
pub fn problem(name: &str, mut mistakes: Vec<BadLine>) -> Problem {
    mistakes.sort_by_key(|it| it.line);
    if let [BadLine { line, message, .. }] = mistakes.as_slice() {
        let problem = Problem::usage(format!("{name}, line {line}: {message}"));
        return problem.next_all(mistakes.into_iter().flat_map(|it| it.next));
    }
    let more = mistakes.len().saturating_sub(MAX_MISTAKES);
    let more = (more > 0).then(|| format!("… and {more} more"));
    let problem = Problem::usage(format!("{name} has {} mistakes", mistakes.len()));
    let lines = mistakes.into_iter().take(MAX_MISTAKES).map(|it| {
        let next = it.next.map(|next| format!("; {next}")).unwrap_or_default();
        format!("line {}: {}{next}", it.line, it.message)
    });
    problem.next_all(lines.chain(more))
}
