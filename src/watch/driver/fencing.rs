//! Fencing: a queued write starts only if its Lease still lasts long enough.
//!
//! Writes that were queued before the machine was suspended are fenced too: the clock of their
//! deadlines stops while it is suspended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::watch::engine::leases::WRITE_LIMIT;

#[derive(Debug, Default)]
pub struct WritePermits {
    epoch: Arc<AtomicU64>,
}

#[derive(Debug)]
pub struct WritePermit {
    current_epoch: Arc<AtomicU64>,
    epoch: u64,
    until: Option<Instant>,
}

impl WritePermits {
    /// Permits a write that ends before `until`. None: no limit.
    pub fn grant(&self, until: Option<Instant>) -> WritePermit {
        WritePermit {
            current_epoch: Arc::clone(&self.epoch),
            epoch: self.epoch.load(Ordering::Relaxed),
            until,
        }
    }

    /// Revokes all permits.
    pub fn revoke_all(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }
}

impl WritePermit {
    /// Returns whether the write may start now.
    pub fn is_valid(&self) -> bool {
        let is_in_time = self
            .until
            .is_none_or(|until| Instant::now() + WRITE_LIMIT <= until);
        is_in_time && self.current_epoch.load(Ordering::Relaxed) == self.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revoked_permit_and_one_for_a_write_that_could_end_too_late_are_invalid() {
        let permits = WritePermits::default();
        let in_time = Instant::now() + WRITE_LIMIT * 100;
        let (limited, unlimited) = (permits.grant(Some(in_time)), permits.grant(None));
        assert!(limited.is_valid() && unlimited.is_valid());
        assert!(!permits.grant(Some(Instant::now())).is_valid());
        permits.revoke_all();
        assert!(!limited.is_valid() && !unlimited.is_valid());
        assert!(permits.grant(Some(in_time)).is_valid());
    }
}
