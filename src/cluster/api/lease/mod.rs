//! The Leases of a namespace. Watches use them to elect the leader that runs the groups there. A
//! Lease speaks for what its holder runs: all groups of the namespace, or those with certain labels.
//!
//! kubert's and kube-leader-election's Leases are not used. They compare the holder's clock with
//! the local one, require an existing Lease, and do not fence writes in flight.

mod fields;
mod object;
mod requests;
mod scope;
#[cfg(test)]
mod tests;

pub use self::fields::{LeaseMeta, LeaseSpec};
pub use self::object::{Lease, LeaseSuccessor};
pub use self::requests::{collection, dry_run, get, put, with_selectors};
pub use self::scope::{LeaseScope, NAME};
