//! Tracks whether every watch has synced and is active, for /readyz.

use std::collections::HashMap;
use std::time::Duration;

use crate::cluster::listwatch::freshness::SyncStatus;
use crate::readiness::scope::SliceWatchId;

/// A watch that the controller runs on the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Groups of one kind.
    Groups(&'static str),
    Slices(SliceWatchId),
}

#[derive(Debug, Default)]
pub struct SyncTracker(HashMap<Stream, SyncStatus>);

impl SyncTracker {
    pub fn started(&mut self, stream: Stream, now: Duration) {
        self.0.insert(stream, SyncStatus::started(now));
    }

    pub fn ended(&mut self, stream: Stream) {
        self.0.remove(&stream);
    }

    pub fn heard(&mut self, stream: Stream, now: Duration) {
        self.0.insert(stream, SyncStatus::synced(now));
    }

    /// Returns how long ago the watch that is silent for longest reported.
    pub fn longest_silence(&self, now: Duration) -> Duration {
        let last = self.0.values().map(SyncStatus::last_heard);
        now.saturating_sub(last.min().unwrap_or(now))
    }

    /// Returns whether every watch has listed and was recently active.
    pub fn all_current(&self, now: Duration) -> bool {
        self.0.values().all(|sync| sync.is_current(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::listwatch::freshness::UNKNOWN_AFTER;

    #[test]
    fn a_watch_that_has_not_listed_or_is_silent_is_not_current() {
        let (slices, second) = (Stream::Slices(SliceWatchId(1)), Duration::from_secs(1));
        let mut tracker = SyncTracker::default();
        tracker.heard(Stream::Groups("trafficsplit"), second);
        assert!(tracker.all_current(second));
        tracker.started(slices, second);
        assert!(!tracker.all_current(second));
        tracker.heard(slices, second * 2);
        assert!(tracker.all_current(second + UNKNOWN_AFTER));
        assert!(!tracker.all_current(second * 2 + UNKNOWN_AFTER));
        tracker.ended(Stream::Groups("trafficsplit"));
        assert!(tracker.all_current(second * 2 + UNKNOWN_AFTER));
    }
}
