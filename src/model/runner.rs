//! The controller of a group, as far as anything tells.

/// Who runs a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// A `watch`: the holder of the Lease, as text.
    Watch(String),
    /// Linkerd's own failover controller.
    Upstream,
    /// No `watch` holds a Lease for it.
    Unattended,
    /// The Leases cannot be read.
    Unknown,
}
