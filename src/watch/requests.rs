//! The loop's own requests: bounded in number, each in a task of its own, their answers in one place.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use super::leases::WRITE_LIMIT;
use crate::cluster::slices::{self, Slice};
use crate::cluster::{Cluster, RequestResult, apply, events, groups, services, stream};
use crate::model::notice::Transition;
use crate::model::{GroupId, ServiceRef};
use crate::resource::{Change, Record};

/// How many writes are under way at once: more bring an API server no further.
const MOST_WRITES: usize = 16;
/// How many reads are under way at once.
const MOST_READS: usize = 8;
/// How many Events wait to be written before new ones are left out.
const MOST_EVENTS: usize = 1000;
/// How long the last Events may take when the loop ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// What has come back.
pub enum Answer {
    LookedUp(ServiceRef, RequestResult<bool>),
    Verified(GroupId, RequestResult<Vec<Slice>>),
    Written(GroupId, Box<RequestResult<Record>>),
    /// It was not begun: it could have outlasted the Lease.
    Postponed(GroupId),
    Reread(GroupId, Box<RequestResult<Option<Record>>>),
}

pub struct Requests {
    cluster: Cluster,
    writes: Lane,
    reads: Lane,
    events: mpsc::Sender<(String, Value)>,
    publisher: JoinHandle<()>,
    signature: String,
}

impl Requests {
    pub fn new(cluster: &Cluster, signature: String) -> Self {
        let (events, queue) = mpsc::channel(MOST_EVENTS);
        Self {
            cluster: cluster.clone(),
            writes: Lane::new(MOST_WRITES),
            reads: Lane::new(MOST_READS),
            events,
            publisher: tokio::spawn(publish_all(cluster.clone(), queue)),
            signature,
        }
    }

    /// Writes, if it can end before `until`.
    pub fn write(&mut self, id: GroupId, record: Record, change: Change, until: Option<Instant>) {
        let cluster = self.cluster.limited(WRITE_LIMIT);
        self.writes.add(async move {
            if until.is_some_and(|until| Instant::now() + WRITE_LIMIT > until) {
                return Answer::Postponed(id);
            }
            Answer::Written(id, Box::new(apply::apply(&cluster, &record, &change, false).await))
        });
    }

    pub fn reread(&mut self, id: GroupId, record: Record) {
        let cluster = self.cluster.clone();
        self.reads.add(async move {
            let found = groups::get(&cluster, record.kind, &record.meta.namespace, &record.meta.name).await;
            Answer::Reread(id, Box::new(found))
        });
    }

    pub fn look_up(&mut self, service: ServiceRef) {
        let cluster = self.cluster.clone();
        self.reads.add(async move {
            let found = services::get(&cluster, &service).await.map(|found| found.is_some());
            Answer::LookedUp(service, found)
        });
    }

    pub fn verify(&mut self, id: GroupId, services: BTreeSet<String>) {
        let cluster = self.cluster.clone();
        self.reads.add(async move {
            let source = slices::source(&id.namespace, Some(&services));
            let listed = stream::list(&cluster, &source).await.map(|(slices, _)| slices);
            Answer::Verified(id, listed)
        });
    }

    /// Queues an Event on the object. It holds nothing up: where too many wait, it is left out.
    pub fn publish(&self, record: &Record, transition: &Transition) {
        let Transition { at, why, unverified, .. } = transition;
        let event = events::of_move(record, &self.signature, *at, why, *unverified);
        if self.events.try_send((record.meta.namespace.clone(), event)).is_err() {
            tracing::warn!(group = %transition.group, "too many Events wait: this move gets none");
        }
    }

    /// The next answer; none while nothing is under way.
    pub async fn next(&mut self) -> Option<Answer> {
        tokio::select! {
            Some(answer) = self.writes.next() => Some(answer),
            Some(answer) = self.reads.next() => Some(answer),
            else => None,
        }
    }

    /// The next answer to a write; none when no write is under way.
    pub async fn next_write(&mut self) -> Option<Answer> {
        self.writes.next().await
    }

    pub fn are_done(&self) -> bool {
        self.writes.is_idle() && self.reads.is_idle()
    }

    pub fn drop_what_has_not_started(&mut self) {
        self.writes.waiting.clear();
        self.reads.waiting.clear();
        self.reads.running.abort_all();
    }

    /// Gives the Events that wait a moment to be written.
    pub async fn flush_events(self) {
        drop(self.events);
        if timeout(FAREWELL, self.publisher).await.is_err() {
            tracing::warn!("the last Events could not be written in time");
        }
    }
}

/// A bounded number of requests at once; the others wait in line.
struct Lane {
    most: usize,
    running: JoinSet<Answer>,
    waiting: VecDeque<BoxFuture<'static, Answer>>,
}

impl Lane {
    fn new(most: usize) -> Self {
        Self { most, running: JoinSet::new(), waiting: VecDeque::new() }
    }

    fn add(&mut self, request: impl Future<Output = Answer> + Send + 'static) {
        if self.running.len() < self.most {
            self.running.spawn(request);
        } else {
            self.waiting.push_back(request.boxed());
        }
    }

    async fn next(&mut self) -> Option<Answer> {
        loop {
            let ended = self.running.join_next().await?;
            if let Some(request) = self.waiting.pop_front() {
                self.running.spawn(request);
            }
            match ended {
                Ok(answer) => return Some(answer),
                Err(cause) => tracing::debug!(%cause, "a request was dropped"),
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }
}

async fn publish_all(cluster: Cluster, mut queue: mpsc::Receiver<(String, Value)>) {
    while let Some((namespace, event)) = queue.recv().await {
        if let Err(cause) = events::publish(&cluster, &namespace, &event).await {
            tracing::warn!(%cause, "an Event was not written");
        }
    }
}
