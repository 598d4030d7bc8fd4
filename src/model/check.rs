//! What a check has found.

use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    Success,
    Warning,
    Error,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// What holds where it ends well.
    pub description: String,
    pub outcome: CheckOutcome,
    /// What is wrong and what to do about it; empty where all is well.
    pub lines: Vec<String>,
    /// A URL to read or a command to type.
    pub hint: Option<String>,
    /// What is wrong may mend itself.
    pub may_pass: bool,
}

/// The longest list of things that are wrong.
const MOST_LINES: usize = 10;

impl CheckResult {
    pub fn success(description: impl Into<String>) -> Self {
        let description = description.into();
        Self {
            description,
            outcome: CheckOutcome::Success,
            lines: Vec::new(),
            hint: None,
            may_pass: false,
        }
    }

    /// An error where there are complaints.
    pub fn error(description: impl Into<String>, complaints: Vec<String>) -> Self {
        Self::success(description).with(CheckOutcome::Error, complaints)
    }

    /// A warning where there are complaints.
    pub fn warning(description: impl Into<String>, complaints: Vec<String>) -> Self {
        Self::success(description).with(CheckOutcome::Warning, complaints)
    }

    fn with(mut self, outcome: CheckOutcome, mut complaints: Vec<String>) -> Self {
        if complaints.is_empty() {
            return self;
        }
        let more = complaints.len().saturating_sub(MOST_LINES);
        if more > 0 {
            complaints.truncate(MOST_LINES);
            complaints.push(format!("and {more} more"));
        }
        self.outcome = outcome;
        self.lines = complaints;
        self
    }

    /// What to read or to type, where something is wrong.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = (self.outcome != CheckOutcome::Success).then(|| hint.into());
        self
    }

    /// Marks what is wrong as something that may mend itself.
    #[must_use]
    pub fn that_may_pass(mut self) -> Self {
        self.may_pass = self.outcome != CheckOutcome::Success;
        self
    }
}

/// Checks of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    pub name: &'static str,
    pub checks: Vec<CheckResult>,
}

impl Category {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            checks: Vec::new(),
        }
    }

    pub fn has_error(&self) -> bool {
        self.checks
            .iter()
            .any(|check| check.outcome == CheckOutcome::Error)
    }

    /// The first check that may yet end well by itself.
    pub fn pending(&self) -> Option<&CheckResult> {
        self.checks.iter().find(|check| check.may_pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_complaints_all_is_well() {
        let check = CheckResult::error("x", Vec::new())
            .hint("y")
            .that_may_pass();
        assert_eq!(check, CheckResult::success("x"));
    }

    #[test]
    fn long_lists_are_cut() {
        let check = CheckResult::warning("x", (0..14).map(|number| number.to_string()).collect());
        assert_eq!(check.lines.len(), MOST_LINES + 1);
        assert_eq!(check.lines.last().unwrap(), "and 4 more");
    }
}
