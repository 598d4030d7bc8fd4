//! Whether the connection to the cluster works, as the watches of the groups show.

use std::collections::HashMap;
use std::time::Duration;

use crate::cluster::RequestError;
use crate::cluster::listwatch::freshness::SyncStatus;

/// How long the watches of EndpointSlices may take to recover after those of the groups.
const SLICES_RECOVERY: Duration = Duration::from_secs(5);

/// The watches of the groups, by kind.
#[derive(Debug, Default)]
pub struct ConnectionStatus {
    watches: HashMap<&'static str, GroupWatch>,
    recovered: Option<Duration>,
}

#[derive(Debug)]
struct GroupWatch {
    sync: SyncStatus,
    /// Why the last list or watch failed.
    failure: Option<String>,
}

/// Since when the connection is lost, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// By the observer's clock.
    pub since: Duration,
    pub why: String,
}

impl ConnectionStatus {
    pub fn heard(&mut self, kind: &'static str, now: Duration) {
        if self.lost(now).is_some() {
            self.recovered = Some(now);
        }
        let watch = GroupWatch {
            sync: SyncStatus::synced(now),
            failure: None,
        };
        self.watches.insert(kind, watch);
    }

    pub fn failed(&mut self, kind: &'static str, error: &RequestError) {
        if let Some(watch) = self.watches.get_mut(kind) {
            watch.failure = Some(error.cause.to_string());
        }
    }

    /// Records that the cluster does not serve the kind, so its watch does not show the
    /// connection's state.
    pub fn absent(&mut self, kind: &str) {
        self.watches.remove(kind);
    }

    pub fn lost(&self, now: Duration) -> Option<Lost> {
        let lost = |watch: &GroupWatch| {
            let is_silent = watch.sync.is_connection_lost(now);
            let silence = || is_silent.then(|| "nothing received from the API server".to_owned());
            Some(Lost {
                since: watch.sync.last_heard(),
                why: watch.failure.clone().or_else(silence)?,
            })
        };
        self.watches
            .values()
            .filter_map(lost)
            .min_by_key(|lost| lost.since)
    }

    /// Returns whether readiness may be unknown only because the connection has just come back.
    pub fn is_recovering(&self, now: Duration) -> bool {
        self.recovered
            .is_some_and(|at| now.saturating_sub(at) < SLICES_RECOVERY)
    }
}
