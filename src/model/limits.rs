//! The rate limit on moves of traffic (`--max-moves`).

use std::time::Duration;

/// A rate limit: at most `most` moves start in any period of length `within`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxMoves {
    /// The number of moves.
    pub most: usize,
    /// The length of the period.
    pub within: Duration,
}
