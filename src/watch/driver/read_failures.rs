//! The reads that currently fail, so that each failure and each recovery is reported once.

use std::collections::HashMap;

use crate::cluster::listwatch::watch_event::Event;
use crate::model::Notice;
use crate::readiness::scope::SliceWatchId;
use crate::readiness::watches::{FollowedEvent, WatchSet};

#[derive(Debug, Default)]
pub struct ReadFailures {
    /// The failing reads, and whether `watch` works without them.
    failing: HashMap<String, bool>,
}

impl ReadFailures {
    /// Records the result of a read. Returns a notice if it starts to fail or recovers.
    pub fn note<T>(&mut self, event: &Event<T>, what: impl FnOnce() -> String) -> Option<Notice> {
        match event {
            Event::Failed(error) if error.is_not_found() => None,
            Event::SlowList => None,
            Event::Failed(error) => self.note_failure(&what(), error),
            _ if self.failing.is_empty() => None,
            _ => {
                let what = what();
                self.failing
                    .remove(&what)
                    .map(|_| Notice::ReadRecovered { what })
            }
        }
    }

    /// Returns whether `watch` can read everything that it needs.
    pub fn are_none(&self) -> bool {
        self.failing.values().all(|is_dispensable| *is_dispensable)
    }

    pub fn note_failure(&mut self, what: &str, error: &impl ToString) -> Option<Notice> {
        self.add(what, error, false)
    }

    /// Like [`Self::note_failure`], for a read that `watch` can do without.
    pub fn note_lack(&mut self, what: &str, error: &impl ToString) -> Option<Notice> {
        self.add(what, error, true)
    }

    /// Like [`Self::note`], for a read that `watch` can do without.
    pub fn note_dispensable<T>(&mut self, event: &Event<T>, what: &str) -> Option<Notice> {
        let notice = self.note(event, || what.to_owned());
        self.can_do_without(what);
        notice
    }

    /// Records that `watch` can do without a read, if it fails.
    pub fn can_do_without(&mut self, what: &str) {
        if let Some(is_dispensable) = self.failing.get_mut(what) {
            *is_dispensable = true;
        }
    }

    fn add(&mut self, what: &str, error: &impl ToString, is_dispensable: bool) -> Option<Notice> {
        if self.failing.contains_key(what) {
            return None;
        }
        self.failing.insert(what.to_owned(), is_dispensable);
        Some(Notice::ReadFailed {
            what: what.to_owned(),
            error: error.to_string(),
        })
    }

    /// Forgets the reads of a watch, unless another watch reads the same objects.
    pub fn forget<I: From<FollowedEvent> + Send + 'static>(
        &mut self,
        watches: &WatchSet<I>,
        id: SliceWatchId,
    ) {
        if watches.is_alone(id) {
            for what in ["EndpointSlices", "Services"] {
                self.failing.remove(&watches.place(what, id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHAT: &str = "EndpointSlices of all namespaces";

    #[test]
    fn a_failure_and_its_end_are_reported_once() {
        let mut failures = ReadFailures::default();
        assert!(failures.note_failure(WHAT, &"no").is_some());
        assert!(failures.note_failure(WHAT, &"no").is_none());
        assert!(!failures.are_none());
        let again = failures.note(&Event::<()>::Alive, || WHAT.to_owned());
        assert_eq!(
            again,
            Some(Notice::ReadRecovered {
                what: WHAT.to_owned()
            })
        );
        assert!(failures.are_none());
    }

    #[test]
    fn a_slow_list_is_no_recovery() {
        let mut failures = ReadFailures::default();
        assert!(failures.note_failure(WHAT, &"no").is_some());
        let notice = failures.note(&Event::<()>::SlowList, || WHAT.to_owned());
        assert!(notice.is_none() && !failures.are_none());
    }

    #[test]
    fn a_failure_that_watch_can_do_without_leaves_it_ready() {
        let mut failures = ReadFailures::default();
        assert!(failures.note_lack("httproutes", &"no").is_some());
        assert!(failures.note_failure("httproutes", &"no").is_none());
        assert!(failures.are_none());
        assert!(
            failures
                .note(&Event::<()>::Alive, || "httproutes".to_owned())
                .is_some()
        );
    }
}
