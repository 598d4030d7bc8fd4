//! How many moves of traffic may start within a span of time (`--max-moves`).

use std::time::Duration;

/// A rate limit: at most `most` moves start `within` any span of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxMoves {
    pub most: usize,
    pub within: Duration,
}
