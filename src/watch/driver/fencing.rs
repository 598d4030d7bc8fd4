//! Whether a write that was asked for may still start when its turn comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::watch::engine::leases::WRITE_LIMIT;

/// Gives leave to write. The clock of a deadline stands still while the machine sleeps: what was given before a sleep
/// has to be taken back.
#[derive(Debug, Default)]
pub struct WritePermits {
    epoch: Arc<AtomicU64>,
}

#[derive(Debug)]
pub struct WritePermit {
    epoch: Arc<AtomicU64>,
    given_in: u64,
    until: Option<Instant>,
}

impl WritePermits {
    /// For a write that is to end before then.
    pub fn give(&self, until: Option<Instant>) -> WritePermit {
        let epoch = Arc::clone(&self.epoch);
        WritePermit {
            given_in: epoch.load(Ordering::Relaxed),
            epoch,
            until,
        }
    }

    /// Takes back all that has been given.
    pub fn take_back(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }
}

impl WritePermit {
    pub fn holds(&self) -> bool {
        let is_in_time = self
            .until
            .is_none_or(|until| Instant::now() + WRITE_LIMIT <= until);
        is_in_time && self.epoch.load(Ordering::Relaxed) == self.given_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_or_could_end_too_late_does_not_hold() {
        let leaves = WritePermits::default();
        let in_time = Instant::now() + WRITE_LIMIT * 100;
        let (limited, free) = (leaves.give(Some(in_time)), leaves.give(None));
        assert!(limited.holds() && free.holds());
        assert!(!leaves.give(Some(Instant::now())).holds());
        leaves.take_back();
        assert!(!limited.holds() && !free.holds());
        assert!(leaves.give(Some(in_time)).holds());
    }
}
