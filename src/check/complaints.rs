//! Failed requests, in the words of a check.

use crate::access::missing_right::MissingRight;
use crate::cluster::transport::error::Cause;
use crate::cluster::{Cluster, RequestError};
use crate::error::explain;

/// Returns the lines for a failed request. A missing right has only one line, since the check of
/// the rights explains it.
pub fn complaints(cluster: &Cluster, error: &RequestError) -> Vec<String> {
    if let Cause::Status {
        code: 403, message, ..
    } = &error.cause
    {
        let missing = MissingRight::missing_in(message);
        let line = missing.map_or_else(|| message.clone(), |right| right.in_words());
        return vec![format!("Forbidden: {line}")];
    }
    let problem = explain(cluster, error);
    std::iter::once(problem.message)
        .chain(problem.next)
        .collect()
}
