//! Fencing: a write starts only if its Lease still lasts long enough, and goes on only while the
//! Lease is renewed.
//!
//! Writes that were queued before the machine was suspended are fenced too: the clock of their
//! deadlines stops while it is suspended.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::watch::engine::leases::MIN_LEASE_LEFT;

/// When a Lease expires. None: writes need no Lease.
type Expiry = Option<Instant>;

#[derive(Debug, Default)]
pub struct WritePermits {
    epoch: Arc<AtomicU64>,
    /// By namespace.
    leases: HashMap<String, watch::Sender<Expiry>>,
}

#[derive(Debug)]
pub struct WritePermit {
    current_epoch: Arc<AtomicU64>,
    epoch: u64,
    lease: watch::Receiver<Expiry>,
}

impl WritePermits {
    /// Records when the Lease of a namespace expires, for its writes in flight too.
    pub fn lease(&mut self, namespace: &str, expires: Expiry) {
        match self.leases.get(namespace) {
            Some(lease) => {
                lease.send_replace(expires);
            }
            None => {
                let (lease, _) = watch::channel(expires);
                self.leases.insert(namespace.to_owned(), lease);
            }
        }
    }

    /// Forgets a Lease that was released. Ends the permits of its writes.
    pub fn forget(&mut self, namespace: &str) {
        self.leases.remove(namespace);
    }

    /// Permits a write in a namespace whose Lease expires at `expires`.
    pub fn grant(&mut self, namespace: &str, expires: Expiry) -> WritePermit {
        self.lease(namespace, expires);
        let lease = match self.leases.get(namespace) {
            Some(lease) => lease.subscribe(),
            None => watch::channel(expires).1,
        };
        WritePermit {
            current_epoch: Arc::clone(&self.epoch),
            epoch: self.epoch.load(Ordering::Relaxed),
            lease,
        }
    }

    /// Revokes all permits.
    pub fn revoke_all(&mut self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
        self.leases.clear();
    }
}

impl WritePermit {
    /// Returns whether the write may start now.
    pub fn is_valid(&self) -> bool {
        let latest = Instant::now() + MIN_LEASE_LEFT;
        let is_in_time = self.lease.borrow().is_none_or(|expires| latest <= expires);
        is_in_time && self.current_epoch.load(Ordering::Relaxed) == self.epoch
    }

    /// Completes when the Lease has expired, or the permit was revoked.
    pub async fn expired(&mut self) {
        loop {
            let expires = *self.lease.borrow_and_update();
            let expired = async {
                match expires {
                    Some(expires) => sleep_until(expires).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = expired => return,
                changed = self.lease.changed() => if changed.is_err() { return },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[test]
    fn a_revoked_permit_and_one_whose_lease_expires_soon_are_invalid() {
        let mut permits = WritePermits::default();
        let in_time = Instant::now() + MIN_LEASE_LEFT * 100;
        let (limited, unlimited) = (permits.grant("a", Some(in_time)), permits.grant("b", None));
        assert!(limited.is_valid() && unlimited.is_valid());
        assert!(!permits.grant("c", Some(Instant::now())).is_valid());
        permits.revoke_all();
        assert!(!limited.is_valid() && !unlimited.is_valid());
        assert!(permits.grant("a", Some(in_time)).is_valid());
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_lasts_while_the_lease_is_renewed() {
        let mut permits = WritePermits::default();
        let second = Duration::from_secs(1);
        let started = Instant::now();
        let mut permit = permits.grant("ns", Some(started + 10 * second));
        let held = tokio::spawn(async move { permit.expired().await });
        advance(8 * second).await;
        permits.lease("ns", Some(started + 20 * second));
        advance(8 * second).await;
        assert!(!held.is_finished());
        held.await.unwrap();
        assert!(started.elapsed() >= 20 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_ends_with_its_lease() {
        let mut permits = WritePermits::default();
        let mut lost = permits.grant("lost", None);
        let mut revoked = permits.grant("revoked", None);
        permits.forget("lost");
        lost.expired().await;
        permits.revoke_all();
        revoked.expired().await;
    }
}
