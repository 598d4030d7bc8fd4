//! Whether everything that the loop follows is heard.

use std::collections::HashMap;
use std::time::Duration;

use crate::readiness::scope::SliceWatchId;
use crate::readiness::slice_watch::SILENCE_LIMIT;

/// Something that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Groups of one kind.
    Groups(&'static str),
    Slices(SliceWatchId),
}

/// When each was heard last; none: not yet.
#[derive(Debug, Default)]
pub struct SyncStatus {
    last: HashMap<Stream, Option<Duration>>,
}

impl SyncStatus {
    pub fn starts(&mut self, stream: Stream) {
        self.last.insert(stream, None);
    }

    pub fn ends(&mut self, stream: Stream) {
        self.last.remove(&stream);
    }

    pub fn heard(&mut self, stream: Stream, now: Duration) {
        self.last.insert(stream, Some(now));
    }

    /// Whether all that is followed was listed, and has been heard lately.
    pub fn is_complete(&self, now: Duration) -> bool {
        let recent =
            |at: &Option<Duration>| at.is_some_and(|at| now.saturating_sub(at) <= SILENCE_LIMIT);
        self.last.values().all(recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_or_silent_is_missed() {
        let (slices, second) = (Stream::Slices(SliceWatchId(1)), Duration::from_secs(1));
        let mut hearing = SyncStatus::default();
        hearing.heard(Stream::Groups("trafficsplit"), second);
        assert!(hearing.is_complete(second));
        hearing.starts(slices);
        assert!(!hearing.is_complete(second));
        hearing.heard(slices, second * 2);
        assert!(hearing.is_complete(second + SILENCE_LIMIT));
        assert!(!hearing.is_complete(second * 2 + SILENCE_LIMIT));
        hearing.ends(Stream::Groups("trafficsplit"));
        assert!(hearing.is_complete(second * 2 + SILENCE_LIMIT));
    }
}
