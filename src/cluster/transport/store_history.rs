//! Detects that the API server's store went back in time, because it was restored from a backup.
//!
//! A watch from a version of the lost history is answered, but misses every change up to that
//! version (kubernetes/kubernetes#107457). So everything has to be listed again.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

/// The newest resource version that was seen of each collection and object. Versions of one store
/// only increase.
#[derive(Debug)]
pub struct StoreHistory {
    server: String,
    seen: Mutex<SeenVersions>,
    restores: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct SeenVersions {
    newest: HashMap<String, u64>,
    /// The newest version of all, and when it was last seen.
    newest_of_all: Option<(u64, Instant)>,
    /// When a watch last reported a line.
    last_line: Option<Instant>,
}

/// The newest version of a collection or an object when a request was sent. Answers can overtake
/// each other, so an answer is compared with this version and not with the newest one.
#[derive(Debug)]
pub struct VersionBefore {
    key: String,
    newest: Option<u64>,
    restores: u64,
}

/// Returns whether a resource version is older than another one of the same store. A version that
/// is not a number is never older.
pub fn is_older(version: &str, than: &str) -> bool {
    matches!((version.parse::<u64>(), than.parse::<u64>()), (Ok(version), Ok(than)) if version < than)
}

impl StoreHistory {
    pub fn new(server: &str) -> Self {
        Self {
            server: server.to_owned(),
            seen: Mutex::default(),
            restores: watch::Sender::default(),
        }
    }

    /// Returns the newest version of a collection or an object. To be called before the request.
    pub fn before(&self, key: impl Into<String>) -> VersionBefore {
        let key = key.into();
        VersionBefore {
            newest: self.seen.lock().newest.get(&key).copied(),
            restores: *self.restores.borrow(),
            key,
        }
    }

    /// Records the version of an answer. If it is older than the newest version before the request,
    /// the store was restored. A version that is not a number is ignored.
    pub fn observe(&self, before: &VersionBefore, version: &str) {
        let Ok(version) = version.parse::<u64>() else {
            return;
        };
        // Other answers may have shown the same restore meanwhile.
        let is_news = before.restores == *self.restores.borrow();
        if is_news && before.newest.is_some_and(|newest| version < newest) {
            self.restored();
        }
        self.raise(before, version);
    }

    /// Records the version of a line of a watch.
    pub fn observe_line(&self, before: &VersionBefore, version: &str) {
        if let Ok(version) = version.parse() {
            self.raise(before, version);
            self.seen.lock().last_line = Some(Instant::now());
        }
    }

    fn raise(&self, before: &VersionBefore, version: u64) {
        let mut seen = self.seen.lock();
        let known = seen.newest.entry(before.key.clone()).or_default();
        *known = version.max(*known);
        if seen
            .newest_of_all
            .is_none_or(|(newest, _)| version >= newest)
        {
            seen.newest_of_all = Some((version, Instant::now()));
        }
    }

    /// Returns whether the server has shown since then that its store is at this version or a newer
    /// one, and that lines of watches arrive. Kinds may be stored apart, so this is no proof for
    /// good.
    pub fn is_healthy_since(&self, then: Instant, version: &str) -> bool {
        let seen = self.seen.lock();
        let Ok(version) = version.parse() else {
            return false;
        };
        let has_reached = |(newest, at): (u64, Instant)| newest >= version && at > then;
        seen.newest_of_all.is_some_and(has_reached) && seen.last_line.is_some_and(|at| at > then)
    }

    /// Records that the store was restored: whoever follows a collection lists it again.
    pub fn restored(&self) {
        tracing::warn!(
            "{}: resource versions went back, so its store was restored from a backup; listing \
             everything again",
            self.server
        );
        *self.seen.lock() = SeenVersions::default();
        self.restores.send_modify(|count| *count += 1);
    }

    /// Returns a receiver that changes with each restore from now on.
    pub fn restores(&self) -> watch::Receiver<u64> {
        self.restores.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restores(history: &StoreHistory) -> u64 {
        *history.restores.borrow()
    }

    #[test]
    fn a_version_lower_than_before_the_request_shows_a_restore() {
        let history = StoreHistory::new("https://east");
        for version in ["7", "7", "9", "not a number", ""] {
            history.observe(&history.before("slices"), version);
        }
        history.observe(&history.before("another collection"), "3");
        assert_eq!(restores(&history), 0);
        history.observe(&history.before("slices"), "8");
        assert_eq!(restores(&history), 1);
        history.observe(&history.before("slices"), "8");
        assert_eq!(restores(&history), 1, "the history starts again");
    }

    #[test]
    fn answers_that_overtake_each_other_show_no_restore() {
        let history = StoreHistory::new("https://east");
        history.observe(&history.before("leases"), "5");
        let (first, second) = (history.before("leases"), history.before("leases"));
        history.observe(&second, "7");
        history.observe(&first, "6");
        assert_eq!(restores(&history), 0);
    }

    #[test]
    fn one_restore_counts_once() {
        let history = StoreHistory::new("https://east");
        history.observe(&history.before("slices"), "90");
        history.observe(&history.before("groups"), "91");
        let (slices, groups) = (history.before("slices"), history.before("groups"));
        history.observe(&slices, "10");
        history.observe(&groups, "11");
        assert_eq!(restores(&history), 1);
    }
}
