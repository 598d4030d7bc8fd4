//! The results of `check`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::outages::Loss;

/// The outcome of one check, named as in Linkerd's `check -o json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// The description holds.
    Success,
    /// It may not hold; `check` still exits 0.
    Warning,
    /// It does not hold; `check` exits 1.
    Error,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// The statement that holds if the check succeeds.
    pub description: String,
    /// Whether it holds.
    pub outcome: CheckOutcome,
    /// The problems and what to do about them; empty on success.
    pub lines: Vec<String>,
    /// A URL to read or a command to type.
    pub hint: Option<String>,
    /// The check may succeed if it is repeated.
    pub may_pass: bool,
    /// The requests that groups lose in outages, if the check is about those.
    pub outages: Option<OutageLosses>,
}

/// The requests that groups lose in each kind of outage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutageLosses {
    /// The groups.
    pub groups: Vec<String>,
    /// What is lost while no loop runs, by outage.
    pub without_loop: BTreeMap<&'static str, Loss>,
    /// What is lost while a loop runs, by outage.
    pub with_loop: BTreeMap<&'static str, Loss>,
}

/// Problems beyond this number are only counted.
const MAX_PROBLEM_LINES: usize = 10;

impl CheckResult {
    /// Returns a check that succeeded.
    pub fn success(description: impl Into<String>) -> Self {
        let description = description.into();
        Self {
            description,
            outcome: CheckOutcome::Success,
            lines: Vec::new(),
            hint: None,
            may_pass: false,
            outages: None,
        }
    }

    /// Returns an error if there are problems, and a success otherwise.
    pub fn error(description: impl Into<String>, problems: Vec<String>) -> Self {
        Self::success(description).with(CheckOutcome::Error, problems)
    }

    /// Returns a warning if there are problems, and a success otherwise.
    pub fn warning(description: impl Into<String>, problems: Vec<String>) -> Self {
        Self::success(description).with(CheckOutcome::Warning, problems)
    }

    fn with(mut self, outcome: CheckOutcome, mut problems: Vec<String>) -> Self {
        if problems.is_empty() {
            return self;
        }
        let more = problems.len().saturating_sub(MAX_PROBLEM_LINES);
        if more > 0 {
            problems.truncate(MAX_PROBLEM_LINES);
            problems.push(format!("and {more} more"));
        }
        self.outcome = outcome;
        self.lines = problems;
        self
    }

    /// Sets a URL to read or a command to type, unless the check succeeded.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = (self.outcome != CheckOutcome::Success).then(|| hint.into());
        self
    }

    /// Marks the problems as ones that may be gone when the check is repeated.
    #[must_use]
    pub fn that_may_pass(mut self) -> Self {
        self.may_pass = self.outcome != CheckOutcome::Success;
        self
    }
}

/// A group of checks under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// The heading.
    pub name: &'static str,
    /// The checks, in the order in which they are shown.
    pub checks: Vec<CheckResult>,
}

impl Category {
    /// Whether a check ended with an error.
    pub fn has_error(&self) -> bool {
        self.checks
            .iter()
            .any(|check| check.outcome == CheckOutcome::Error)
    }

    /// Returns the first check that may succeed if it is repeated.
    pub fn pending(&self) -> Option<&CheckResult> {
        self.checks.iter().find(|check| check.may_pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_without_problems_succeeds() {
        let check = CheckResult::error("x", Vec::new())
            .hint("y")
            .that_may_pass();
        assert_eq!(check, CheckResult::success("x"));
    }

    #[test]
    fn long_lists_are_cut() {
        let check = CheckResult::warning("x", (0..14).map(|number| number.to_string()).collect());
        assert_eq!(check.lines.len(), MAX_PROBLEM_LINES + 1);
        assert_eq!(check.lines.last().unwrap(), "and 4 more");
    }
}
