//! The rate limit on moves of traffic (`--max-moves`), and how long a Lease lasts.

use std::time::Duration;

/// How long a Lease lasts after each renewal.
pub const LEASE_SECONDS: i32 = 15;

/// A rate limit: at most `most` moves start in any period of length `within`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxMoves {
    /// The number of moves.
    pub most: usize,
    /// The length of the period.
    pub within: Duration,
}
