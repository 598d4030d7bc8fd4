//! The loop's own requests: bounded in number, each in a task of its own, their answers in one place.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::event_recorder::EventRecorder;
use super::fencing::WritePermits;
use super::idle_gate::IdleGate;
use super::task_pool::TaskPool;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::events::MoveEvent;
use crate::cluster::api::{apply, groups, services};
use crate::cluster::{Clusters, RequestResult};
use crate::model::notice::Transition;
use crate::model::{GroupId, ServiceRef};
use crate::readiness::mirror_index::RemoteNamespace;
use crate::readiness::relist;
use crate::resource::Record;
use crate::watch::engine::core::Write;
use crate::watch::engine::leases::WRITE_LIMIT;

/// How many writes are under way at once: more bring an API server no further.
const MOST_WRITES: usize = 32;
/// How many reads are under way at once.
const MOST_READS: usize = 8;
/// How long the last Events may take when the loop ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// What has come back.
pub enum RequestOutcome {
    LookedUp(ServiceRef, RequestResult<bool>),
    Verified(RemoteNamespace, RequestResult<Vec<Slice>>),
    /// With the request's number.
    Written(GroupId, u64, Box<RequestResult<Record>>),
    /// It was not begun: it could have outlasted the Lease, or the machine has slept since it was asked for.
    Postponed(GroupId, u64),
    Reread(GroupId, u64, Box<RequestResult<Option<Record>>>),
}

pub struct Executor {
    cluster: Clusters,
    writes: TaskPool<RequestOutcome>,
    leaves: WritePermits,
    reads: TaskPool<RequestOutcome>,
    /// Lists of slices. As many as are asked for: none is to wait for another cluster.
    lists: TaskPool<RequestOutcome>,
    /// When those below are done.
    calm: IdleGate,
    /// No decision turns on whether a Service exists.
    lookups: TaskPool<RequestOutcome>,
    tidings: EventRecorder,
}

impl Executor {
    pub fn new(cluster: &Clusters, signature: String) -> Self {
        Self {
            cluster: cluster.clone(),
            writes: TaskPool::new(MOST_WRITES),
            leaves: WritePermits::default(),
            reads: TaskPool::new(MOST_READS),
            lists: TaskPool::new(usize::MAX),
            calm: IdleGate::default(),
            lookups: TaskPool::new(MOST_READS),
            tidings: EventRecorder::new(cluster, signature),
        }
    }

    /// Writes, unless it is too late for that when its turn comes. Times since `started`.
    pub fn write(&mut self, write: Write, started: Instant) {
        let cluster = self.cluster.limited(WRITE_LIMIT);
        self.calm.disturb(Instant::now());
        let Write {
            group,
            number,
            record,
            change,
            until,
            ..
        } = write;
        let leave = self.leaves.give(until.map(|until| started + until));
        self.writes.add(async move {
            if !leave.holds() {
                return RequestOutcome::Postponed(group, number);
            }
            let answer = apply::apply(&cluster, &record, &change, false).await;
            RequestOutcome::Written(group, number, Box::new(answer))
        });
    }

    /// Has no write start that has not started yet.
    pub fn take_leaves_back(&mut self) {
        self.leaves.take_back();
    }

    pub fn reread(&mut self, id: GroupId, number: u64, record: Record) {
        let cluster = self.cluster.clone();
        self.reads.add(async move {
            let found = groups::get(
                &cluster,
                record.kind,
                &record.meta.namespace,
                &record.meta.name,
            )
            .await;
            RequestOutcome::Reread(id, number, Box::new(found))
        });
    }

    /// Finds out whether a Service exists.
    pub fn look_up(&mut self, service: ServiceRef) {
        self.calm.wait(Instant::now());
        let cluster = self.cluster.clone();
        self.lookups.add(async move {
            let found = services::get(&cluster, &service)
                .await
                .map(|found| found.is_some());
            RequestOutcome::LookedUp(service, found)
        });
    }

    pub fn verify(&mut self, place: RemoteNamespace) {
        let cluster = self.cluster.clone();
        self.lists.add(async move {
            let listed = relist::relist(&cluster, &place).await;
            RequestOutcome::Verified(place, listed)
        });
    }

    /// Queues an Event of the move. It holds nothing up.
    pub fn publish(&mut self, record: &Record, transition: &Transition) {
        let Transition {
            at,
            why,
            unverified,
            ..
        } = transition;
        self.calm.wait(Instant::now());
        self.tidings
            .add(MoveEvent::new(record, *at, why, *unverified));
    }

    /// The next answer; none while nothing is under way.
    pub async fn next(&mut self) -> Option<RequestOutcome> {
        loop {
            self.start();
            let calm = self.calm.comes_at(Instant::now(), self.writes.is_idle());
            tokio::select! {
                Some(answer) = self.writes.next() => {
                    self.calm.disturb(Instant::now());
                    return Some(answer);
                }
                Some(answer) = self.reads.next() => return Some(answer),
                Some(answer) = self.lists.next() => return Some(answer),
                Some(answer) = self.lookups.next() => return Some(answer),
                Some(()) = self.tidings.next() => {}
                Some(()) = wait_until(calm) => {}
                else => return None,
            }
        }
    }

    /// Starts what may run now.
    fn start(&mut self) {
        self.writes.start();
        self.reads.start();
        self.lists.start();
        if self.calm.has_come(Instant::now(), self.writes.is_idle()) {
            self.lookups.start();
            self.tidings.release();
            if !self.lookups.waits() && !self.tidings.waits() {
                self.calm.rest();
            }
        }
        self.tidings.start();
    }

    /// The next answer to a write; none when no write is under way.
    pub async fn next_write(&mut self) -> Option<RequestOutcome> {
        self.writes.next().await
    }

    /// Whether no answer is outstanding on which a decision could turn.
    pub fn are_done(&self) -> bool {
        let reads = [&self.reads, &self.lists];
        self.writes.is_idle() && reads.iter().all(|lane| lane.is_idle())
    }

    pub fn drop_what_has_not_started(&mut self) {
        self.writes.drop_what_waits();
        for reads in [&mut self.reads, &mut self.lists, &mut self.lookups] {
            reads.drop_all();
        }
    }

    /// Gives the Events that wait a moment to be written.
    pub async fn flush_events(mut self) {
        if timeout(FAREWELL, self.tidings.flush()).await.is_err() {
            tracing::warn!("the last Events could not be written in time");
        }
    }
}

async fn wait_until(at: Option<Instant>) -> Option<()> {
    tokio::time::sleep_until(at?).await;
    Some(())
}
