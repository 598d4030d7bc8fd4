//! How long each service has waited for its first list. The wait counts by service, since the watch
//! that covers it may be replaced before it has listed.

use std::collections::HashMap;
use std::time::Duration;

use super::mirror_index::LocatedService;
use super::scope::SliceScope;
use crate::cluster::listwatch::freshness::FIRST_LIST_TIMEOUT;

/// The services that no watch has listed.
#[derive(Debug, Default)]
pub struct FirstLists(HashMap<LocatedService, Wait>);

#[derive(Debug)]
struct Wait {
    since: Duration,
    is_reported: bool,
}

impl FirstLists {
    /// Replaces the services that wait. Those that waited before keep their time.
    pub fn plan(&mut self, unlisted: impl Iterator<Item = LocatedService>, now: Duration) {
        let mut before = std::mem::take(&mut self.0);
        let wait = |service: LocatedService| {
            let started = Wait {
                since: now,
                is_reported: false,
            };
            let wait = before.remove(&service).unwrap_or(started);
            (service, wait)
        };
        self.0 = unlisted.map(wait).collect();
    }

    /// Records that a watch has listed this scope.
    pub fn listed(&mut self, scope: &SliceScope) {
        self.0
            .retain(|(cluster, service), _| !scope.covers(cluster.as_deref(), service));
        if self.0.is_empty() {
            self.0 = HashMap::new();
        }
    }

    /// Returns whether decisions no longer wait for the first list of this service.
    pub fn is_overdue(&self, service: &LocatedService, now: Duration) -> bool {
        self.0.get(service).is_some_and(|wait| wait.is_overdue(now))
    }

    /// Returns the services that became overdue since the last call.
    pub fn take_overdue(&mut self, now: Duration) -> Vec<LocatedService> {
        let overdue = self.0.iter_mut().filter_map(|(service, wait)| {
            let is_news = wait.is_overdue(now) && !wait.is_reported;
            wait.is_reported |= is_news;
            is_news.then(|| service.clone())
        });
        overdue.collect()
    }
}

impl Wait {
    fn is_overdue(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) > FIRST_LIST_TIMEOUT
    }
}
