//! `check` against real clusters.

mod findings;
mod linkerd;
mod rights;

use serde_json::Value;

use crate::support::Output;

/// Finds the check in a report whose description starts like this.
fn find<'a>(report: &'a Value, description: &str) -> &'a Value {
    let categories = report["categories"]
        .as_array()
        .expect("a report has categories");
    let mut checks = categories
        .iter()
        .flat_map(|category| category["checks"].as_array().expect("checks"));
    let is_it = |check: &&Value| {
        check["description"]
            .as_str()
            .is_some_and(|text| text.starts_with(description))
    };
    checks
        .find(is_it)
        .unwrap_or_else(|| panic!("no check {description:?} in {report:#}"))
}

/// The error of a check in a report. Empty if it passed.
fn error<'a>(report: &'a Value, description: &str) -> &'a str {
    find(report, description)["error"]
        .as_str()
        .unwrap_or_default()
}

/// Everything that was printed.
fn said(output: &Output) -> String {
    format!("{}{}", output.stdout, output.stderr)
}
