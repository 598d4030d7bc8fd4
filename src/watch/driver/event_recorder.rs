//! Moves that wait to be told by Events, which are written when little else is.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::task_pool::TaskPool;
use crate::cluster::Cluster;
use crate::cluster::api::events;
use crate::cluster::api::events::MoveEvent;

/// How many Events are written at once.
const AT_ONCE: usize = 8;
/// Where more moves of a namespace wait, one Event tells of many: an Event for each would be as much work for the API
/// server as the moves were.
const FEW: usize = 20;
/// An Event of so many moves is far smaller than the API server takes.
const MOST_IN_ONE: usize = 100;
/// How many moves wait before new ones are left out.
const LONGEST_QUEUE: usize = 20_000;

pub struct EventRecorder {
    cluster: Cluster,
    signature: String,
    lane: TaskPool<()>,
    /// By namespace, the oldest first.
    waiting: BTreeMap<String, VecDeque<MoveEvent>>,
    count: usize,
}

impl EventRecorder {
    pub fn new(cluster: &Cluster, signature: String) -> Self {
        let waiting = BTreeMap::new();
        Self {
            cluster: cluster.clone(),
            signature,
            lane: TaskPool::new(AT_ONCE),
            waiting,
            count: 0,
        }
    }

    pub fn add(&mut self, told: MoveEvent) {
        if self.count >= LONGEST_QUEUE {
            tracing::warn!("too many moves wait to be told by Events: one gets none");
            return;
        }
        self.count += 1;
        self.waiting
            .entry(told.namespace().to_owned())
            .or_default()
            .push_back(told);
    }

    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Has all be told that waits, unless what was released before is not told yet.
    pub fn release(&mut self) {
        if !self.lane.is_idle() {
            return;
        }
        self.count = 0;
        for (_, mut queue) in std::mem::take(&mut self.waiting) {
            while !queue.is_empty() {
                let many = if queue.len() > FEW {
                    queue.len().min(MOST_IN_ONE)
                } else {
                    1
                };
                let told: Vec<MoveEvent> = queue.drain(..many).collect();
                self.write(&told);
            }
        }
    }

    /// Starts what was released, as far as there is room.
    pub fn start(&mut self) {
        self.lane.start();
    }

    fn write(&mut self, told: &[MoveEvent]) {
        let event = match told {
            [one] => Some(one.on_object(&self.signature)),
            many => events::on_lease(many, &self.signature),
        };
        let (Some(event), Some(first)) = (event, told.first()) else {
            return;
        };
        let (cluster, namespace) = (self.cluster.clone(), first.namespace().to_owned());
        self.lane
            .add(async move { write(&cluster, &namespace, &event).await });
    }

    /// Waits for an Event to be written; none while none is.
    pub async fn next(&mut self) -> Option<()> {
        self.lane.next().await
    }

    /// Writes all that waits.
    pub async fn flush(&mut self) {
        loop {
            self.release();
            self.start();
            if self.lane.next().await.is_none() {
                return;
            }
        }
    }
}

async fn write(cluster: &Cluster, namespace: &str, event: &Value) {
    if let Err(cause) = events::publish(cluster, namespace, event).await {
        tracing::warn!(%cause, "an Event was not written");
    }
}
