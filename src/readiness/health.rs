//! Whether the cache can trust a watch, and why readiness is unknown after a failed request.

use crate::cluster::RequestError;
use crate::model::ReadinessSource;
use crate::model::WhyUnknown;

/// Whether a watch can be trusted at a given time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchHealth {
    /// The first list has not arrived yet.
    Pending,
    Known,
    Unknown(WhyUnknown),
}

/// Returns why a backend is unknown after a failed request.
pub fn why_unknown(source: ReadinessSource, error: &RequestError) -> WhyUnknown {
    if error.is_forbidden() {
        WhyUnknown::Forbidden(source)
    } else {
        WhyUnknown::Failing(source, error.cause.to_string())
    }
}
