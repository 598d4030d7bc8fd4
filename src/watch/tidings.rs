//! Moves that wait to be told by Events, which are written when nothing else is.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::lane::Lane;
use crate::cluster::Cluster;
use crate::cluster::events::{self, MoveEvent};

/// How many Events are written at once.
const AT_ONCE: usize = 8;
/// Where more moves of a namespace wait, one Event tells of many: an Event for each would be as much work for the API
/// server as the moves were.
const FEW: usize = 20;
/// An Event of so many moves is far smaller than the API server takes.
const MOST_IN_ONE: usize = 100;
/// How many moves wait before new ones are left out.
const LONGEST_QUEUE: usize = 20_000;

pub struct Tidings {
    cluster: Cluster,
    signature: String,
    lane: Lane<()>,
    /// By namespace, the oldest first.
    waiting: BTreeMap<String, VecDeque<MoveEvent>>,
    count: usize,
}

impl Tidings {
    pub fn new(cluster: &Cluster, signature: String) -> Self {
        let waiting = BTreeMap::new();
        Self { cluster: cluster.clone(), signature, lane: Lane::new(AT_ONCE), waiting, count: 0 }
    }

    pub fn add(&mut self, told: MoveEvent) {
        if self.count >= LONGEST_QUEUE {
            tracing::warn!("too many moves wait to be told by Events: one gets none");
            return;
        }
        self.count += 1;
        self.waiting.entry(told.namespace().to_owned()).or_default().push_back(told);
    }

    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Starts what there is room for.
    pub fn start(&mut self) {
        while self.lane.has_room()
            && let Some(mut entry) = self.waiting.first_entry()
        {
            let queue = entry.get_mut();
            let many = if queue.len() > FEW { queue.len().min(MOST_IN_ONE) } else { 1 };
            let told: Vec<MoveEvent> = queue.drain(..many).collect();
            if queue.is_empty() {
                entry.remove();
            }
            self.count -= told.len();
            self.write(&told);
        }
    }

    fn write(&mut self, told: &[MoveEvent]) {
        let event = match told {
            [one] => Some(one.on_object(&self.signature)),
            many => events::on_lease(many, &self.signature),
        };
        let (Some(event), Some(first)) = (event, told.first()) else { return };
        let (cluster, namespace) = (self.cluster.clone(), first.namespace().to_owned());
        self.lane.add(async move { write(&cluster, &namespace, &event).await });
        self.lane.start();
    }

    /// Waits for an Event to be written; none while none is.
    pub async fn next(&mut self) -> Option<()> {
        self.lane.next().await
    }

    /// Writes all that waits.
    pub async fn flush(&mut self) {
        self.start();
        while self.lane.next().await.is_some() {
            self.start();
        }
    }
}

async fn write(cluster: &Cluster, namespace: &str, event: &Value) {
    if let Err(cause) = events::publish(cluster, namespace, event).await {
        tracing::warn!(%cause, "an Event was not written");
    }
}
