//! The rate limit on moves of traffic (`--max-moves`), how long a Lease lasts, and bounds on what
//! others write.

use std::time::Duration;

/// How long a Lease lasts after each renewal.
pub const LEASE_SECONDS: i32 = 15;

/// No Lease counts for longer after a renewal, whatever its holder writes.
pub const MAX_LEASE_SECONDS: i32 = 60;

/// A group has at most this many backends, and a route this many rules, parents and hostnames.
pub const MAX_BACKENDS: usize = 100;

/// A group's traffic is kept off backends by at most this many orders at a time.
pub const MAX_AVOID_ENTRIES: usize = 20;

/// A federated Service has at most this many members.
pub const MAX_MEMBERS: usize = 100;

/// The mirrors of one namespace may name at most this many clusters that are asked by their links.
pub const MAX_LINKED_CLUSTERS: usize = 100;

/// Of a cluster that forbids lists of all namespaces, at most this many namespaces are read.
pub const MAX_REMOTE_NAMESPACES: usize = 50;

/// At most this many groups are compared to find the one that an apex belongs to.
pub const MAX_GROUPS_OF_APEX: usize = 100;

/// A rate limit: at most `most` moves start in any period of length `within`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxMoves {
    /// The number of moves.
    pub most: usize,
    /// The length of the period.
    pub within: Duration,
}
