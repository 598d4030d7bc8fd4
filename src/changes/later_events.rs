//! Events that are published after the writes of many groups, so that they delay none of them.

use std::sync::{Mutex, PoisonError};

use futures::{StreamExt as _, stream};
use serde_json::Value;

use super::preflight::MAX_CONCURRENT_WRITES;
use crate::cluster::Cluster;
use crate::cluster::api::events;

/// The Events of one cluster, each with its namespace.
#[derive(Debug, Default)]
pub struct LaterEvents(Mutex<Vec<(String, Value)>>);

impl LaterEvents {
    pub fn push(&self, namespace: &str, event: Value) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push((namespace.to_owned(), event));
    }

    /// Publishes all Events so far. Failing to do so does not fail the changes.
    pub async fn publish(&self, cluster: &Cluster) {
        let events = {
            let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *events)
        };
        let events = stream::iter(events);
        events
            .for_each_concurrent(MAX_CONCURRENT_WRITES, async |(namespace, event)| {
                if let Err(cause) = events::publish(cluster, &namespace, &event).await {
                    tracing::debug!(%cause, "an Event was not written");
                }
            })
            .await;
    }
}
