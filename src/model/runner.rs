//! The controller of a group, as far as anything tells.

use jiff::Timestamp;

/// Who runs a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// A `watch`: the holder of the Lease, as text.
    Watch(String),
    /// A `watch` that should have renewed its Lease.
    Late(LateWatch),
    /// Linkerd's own failover controller.
    Upstream,
    /// No `watch` holds a Lease for it.
    Unattended,
    /// The Leases cannot be read.
    Unknown,
}

/// A `watch` that should have renewed its Lease: it has crashed, or cannot reach the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateWatch {
    /// The holder of the Lease, as text.
    pub holder: String,
    /// When it renewed the Lease last.
    pub renewed: Timestamp,
    /// The `watch` that waits for the Lease, if one has said so.
    pub successor: Option<String>,
    /// When the successor takes over or, without one, when the Lease expires.
    pub until: Timestamp,
}
