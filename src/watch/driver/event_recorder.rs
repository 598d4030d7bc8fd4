//! Records a Kubernetes Event for each event of a group, while no write is in flight (aggregation: one
//! Event for many groups with events of one kind).
//!
//! kube's `events::Recorder` cannot write the annotations that `history` reads, and cannot write
//! one Event for many moves. In a mass failover, an Event for each move would cost the API server
//! as much as the failovers themselves.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::task_pool::TaskPool;
use crate::cluster::Cluster;
use crate::cluster::api::events;
use crate::cluster::api::events::ObjectEvent;

const MAX_EVENT_WRITES: usize = 8;
/// If more events of one kind and namespace are queued than this, one Event aggregates many.
const MAX_SINGLE_EVENTS: usize = 20;
/// An Event of this many groups is far smaller than the API server's limit.
const MAX_GROUPS_PER_EVENT: usize = 100;
/// If more events are queued than this, new ones are not recorded.
const MAX_QUEUED_EVENTS: usize = 20_000;

pub struct EventRecorder {
    cluster: Cluster,
    signature: String,
    writes: TaskPool<()>,
    /// The last write failed, and that was reported.
    is_failing: Arc<AtomicBool>,
    /// By namespace, oldest first.
    queued: BTreeMap<String, VecDeque<ObjectEvent>>,
    count: usize,
}

impl EventRecorder {
    pub fn new(cluster: &Cluster, signature: String) -> Self {
        Self {
            cluster: cluster.clone(),
            signature,
            writes: TaskPool::new(MAX_EVENT_WRITES),
            is_failing: Arc::default(),
            queued: BTreeMap::new(),
            count: 0,
        }
    }

    pub fn add(&mut self, event: ObjectEvent) {
        if self.count >= MAX_QUEUED_EVENTS {
            tracing::warn!("too many Events are queued; dropped one");
            return;
        }
        self.count += 1;
        self.queued
            .entry(event.namespace().to_owned())
            .or_default()
            .push_back(event);
    }

    pub fn has_queued(&self) -> bool {
        !self.queued.is_empty()
    }

    /// Releases all queued events for writing, unless earlier ones are still being written.
    pub fn release(&mut self) {
        if !self.writes.is_idle() {
            return;
        }
        self.count = 0;
        for (_, events) in std::mem::take(&mut self.queued) {
            let mut by_reason: BTreeMap<&str, Vec<ObjectEvent>> = BTreeMap::new();
            for event in events {
                by_reason.entry(event.reason()).or_default().push(event);
            }
            for events in by_reason.into_values() {
                let many = events.len() > MAX_SINGLE_EVENTS;
                let count = if many { MAX_GROUPS_PER_EVENT } else { 1 };
                events.chunks(count).for_each(|chunk| self.write(chunk));
            }
        }
    }

    /// Starts to write released events, up to the limit.
    pub fn start(&mut self) {
        self.writes.start();
    }

    fn write(&mut self, events: &[ObjectEvent]) {
        let event = match events {
            [one] => Some(one.on_object(&self.signature)),
            many => events::on_lease(many, &self.signature),
        };
        let (Some(event), Some(first)) = (event, events.first()) else {
            return;
        };
        let (cluster, namespace) = (self.cluster.clone(), first.namespace().to_owned());
        let is_failing = Arc::clone(&self.is_failing);
        self.writes
            .add(async move { write(&cluster, &namespace, &event, &is_failing).await });
    }

    /// Waits until an Event is written. None: none is being written.
    pub async fn next(&mut self) -> Option<()> {
        self.writes.next().await
    }

    /// Writes all queued events.
    pub async fn flush(&mut self) {
        loop {
            self.release();
            self.start();
            if self.writes.next().await.is_none() {
                return;
            }
        }
    }
}

/// Reports the first failure only, until a write succeeds.
async fn write(cluster: &Cluster, namespace: &str, event: &Value, is_failing: &AtomicBool) {
    let result = events::publish(cluster, namespace, event).await;
    let was_failing = is_failing.swap(result.is_err(), Ordering::Relaxed);
    if let Err(cause) = result
        && !was_failing
    {
        tracing::warn!(%cause, "could not write an Event; moves go on without");
    }
}
