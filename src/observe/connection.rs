//! Whether the cluster is still heard.

use std::collections::HashMap;
use std::time::Duration;

use crate::cluster::RequestError;

/// A healthy watch gives something at least every 25 s.
const QUIET_LIMIT: Duration = Duration::from_secs(26);
/// How long the watches of EndpointSlices may take to come back after those of the groups.
const RECOVERY: Duration = Duration::from_secs(5);

/// The watches of the groups tell how the connection is.
#[derive(Debug, Default)]
pub struct ConnectionStatus {
    streams: HashMap<&'static str, StreamStatus>,
    recovered: Option<Duration>,
}

#[derive(Debug)]
struct StreamStatus {
    last_heard: Duration,
    trouble: Option<String>,
}

/// Since when the cluster is not heard, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// On the observer's clock.
    pub since: Duration,
    pub why: String,
}

impl ConnectionStatus {
    pub fn heard(&mut self, stream: &'static str, now: Duration) {
        if self.lost(now).is_some() {
            self.recovered = Some(now);
        }
        self.streams.insert(
            stream,
            StreamStatus {
                last_heard: now,
                trouble: None,
            },
        );
    }

    pub fn failed(&mut self, stream: &'static str, error: &RequestError) {
        if let Some(line) = self.streams.get_mut(stream) {
            line.trouble = Some(error.cause.to_string());
        }
    }

    /// There is nothing to hear any more.
    pub fn gone(&mut self, stream: &str) {
        self.streams.remove(stream);
    }

    pub fn lost(&self, now: Duration) -> Option<Lost> {
        let lost = |line: &StreamStatus| {
            let silent = now.saturating_sub(line.last_heard) > QUIET_LIMIT;
            let silence = || silent.then(|| "nothing comes from the API server".to_owned());
            let why = line.trouble.clone().or_else(silence)?;
            Some(Lost {
                since: line.last_heard,
                why,
            })
        };
        self.streams
            .values()
            .filter_map(lost)
            .min_by_key(|lost| lost.since)
    }

    /// Whether readiness that can't be known may be so only because the connection has just come back.
    pub fn is_recovering(&self, now: Duration) -> bool {
        self.recovered
            .is_some_and(|at| now.saturating_sub(at) < RECOVERY)
    }
}
