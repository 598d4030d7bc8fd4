//! How long a watch may be silent: all limits with their reasons, and the state that they apply to.

use std::time::Duration;

/// How long the server is asked to keep a watch open. A healthy watch is heard at least this often:
/// when it ends, the next one opens, and the headers of its response count.
pub const WATCH_TIMEOUT: Duration = Duration::from_secs(20);

/// A watch that is open for longer is not ended by its server as it should be. It is ended here, and
/// everything is listed again.
pub const MAX_WATCH_DURATION: Duration = Duration::from_secs(40);

/// A watch that receives nothing for this long is reopened: [`WATCH_TIMEOUT`] plus time for the
/// response.
pub const WATCH_IDLE_TIMEOUT: Duration = Duration::from_secs(25);

/// After this long without a byte, readiness that a watch reported becomes unknown. A healthy watch
/// never reaches this limit. A broken one has had time to reconnect after [`WATCH_IDLE_TIMEOUT`].
pub const UNKNOWN_AFTER: Duration = Duration::from_secs(30);

/// After this long without a byte, slices are listed again before a move that no slice caused: the
/// watch may have missed changes. A slice that arrives is fresh by itself.
pub const FRESH_FOR: Duration = Duration::from_secs(10);

/// How long decisions wait for a first list. After that, backends that were not listed are unknown.
/// A list that never arrives must not hold up the other backends.
pub const FIRST_LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// After this long without a byte, `status -w` reports the connection as lost. By then a watch is
/// certainly late.
pub const CONNECTION_LOST_AFTER: Duration = Duration::from_secs(26);

/// Whether a watch has listed (HasSynced in client-go), and when its server was last heard. All
/// times count from the same start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncStatus {
    last_heard: Duration,
    synced: bool,
}

impl SyncStatus {
    pub fn started(now: Duration) -> Self {
        Self {
            last_heard: now,
            synced: false,
        }
    }

    pub fn synced(now: Duration) -> Self {
        Self {
            last_heard: now,
            synced: true,
        }
    }

    pub fn heard(&mut self, now: Duration) {
        self.last_heard = now;
    }

    pub fn listed(&mut self, now: Duration) {
        *self = Self::synced(now);
    }

    pub fn is_synced(&self) -> bool {
        self.synced
    }

    pub fn last_heard(&self) -> Duration {
        self.last_heard
    }

    /// Returns whether the watch's reports still count.
    pub fn is_current(&self, now: Duration) -> bool {
        self.synced && self.silence(now) <= UNKNOWN_AFTER
    }

    /// Returns whether decisions no longer wait for the first list.
    pub fn is_overdue(&self, now: Duration) -> bool {
        !self.synced && self.silence(now) > FIRST_LIST_TIMEOUT
    }

    pub fn is_fresh(&self, now: Duration) -> bool {
        is_fresh(self.last_heard, now)
    }

    pub fn is_connection_lost(&self, now: Duration) -> bool {
        self.silence(now) > CONNECTION_LOST_AFTER
    }

    fn silence(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last_heard)
    }
}

/// Returns whether a report from the time `heard` is still fresh.
pub fn is_fresh(heard: Duration, now: Duration) -> bool {
    now.saturating_sub(heard) <= FRESH_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_healthy_watch_is_heard_before_every_limit() {
        assert!(WATCH_TIMEOUT < WATCH_IDLE_TIMEOUT);
        assert!(WATCH_IDLE_TIMEOUT < CONNECTION_LOST_AFTER);
        assert!(CONNECTION_LOST_AFTER < UNKNOWN_AFTER);
    }

    #[test]
    fn a_watch_is_current_from_its_list_until_it_is_silent_for_too_long() {
        let start = Duration::from_secs(1);
        let mut sync = SyncStatus::started(start);
        assert!(!sync.is_current(start) && !sync.is_overdue(start + FIRST_LIST_TIMEOUT));
        let late = start + FIRST_LIST_TIMEOUT + start;
        assert!(sync.is_overdue(late));
        sync.listed(late);
        assert!(sync.is_current(late + UNKNOWN_AFTER) && !sync.is_overdue(late + UNKNOWN_AFTER));
        assert!(!sync.is_current(late + UNKNOWN_AFTER + start));
        sync.heard(late + start);
        assert!(sync.is_current(late + UNKNOWN_AFTER + start));
        assert!(sync.is_fresh(late + start + FRESH_FOR) && !sync.is_fresh(late + UNKNOWN_AFTER));
    }
}
