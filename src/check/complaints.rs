//! Failed requests, in the words of a check.

use crate::access::missing_right::MissingRight;
use crate::cluster::{Cluster, RequestError};
use crate::error::explain;

/// Returns the lines for a failed request. A missing right has only one line, since the check of
/// the rights explains it.
pub fn complaints(cluster: &Cluster, error: &RequestError) -> Vec<String> {
    complaints_of_all(cluster, std::slice::from_ref(error))
}

/// Returns the lines for failed requests. Missing rights that differ in the kind alone are one.
pub fn complaints_of_all(cluster: &Cluster, errors: &[RequestError]) -> Vec<String> {
    let (mut rights, mut lines) = (Vec::new(), Vec::new());
    for error in errors {
        let Some(message) = error.forbidden_message() else {
            let problem = explain(cluster, error);
            lines.push(problem.message);
            lines.extend(problem.next);
            continue;
        };
        match MissingRight::missing_in(message) {
            Some(right) => rights.push(right),
            None => lines.push(format!("Forbidden: {message}")),
        }
    }
    let rights = MissingRight::merge(rights);
    lines.extend(
        rights
            .iter()
            .map(|right| format!("Forbidden: {}", right.in_words())),
    );
    lines
}
