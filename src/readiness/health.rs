//! How far the cache may trust a watch, and why readiness is unknown where a request failed.

use crate::cluster::RequestError;
use crate::model::ReadinessSource;
use crate::model::WhyUnknown;

/// How far a watch can be trusted at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchHealth {
    /// The first list has not arrived yet.
    Pending,
    Known,
    Unknown(WhyUnknown),
}

/// Returns why a backend is unknown when the request for it failed.
pub fn why_unknown(source: ReadinessSource, error: &RequestError) -> WhyUnknown {
    if error.is_forbidden() {
        WhyUnknown::Forbidden(source)
    } else {
        WhyUnknown::Failing(source, error.cause.to_string())
    }
}
