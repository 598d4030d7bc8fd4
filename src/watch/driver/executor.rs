//! Executes the engine's requests, each in its own task. The pools of tasks are bounded, and one
//! method returns all results.

use std::time::Duration;

use futures::future::join;
use tokio::time::{Instant, sleep_until, timeout};

use super::event_recorder::EventRecorder;
use super::idle_gate::IdleGate;
use super::journal_writer::JournalWriter;
use super::request_outcome::RequestOutcome;
use super::task_pool::TaskPool;
use super::write_pool::WritePool;
use crate::cluster::Clusters;
use crate::cluster::api::events::ObjectEvent;
use crate::cluster::api::groups;
use crate::model::GroupId;
use crate::readiness::relist;
use crate::readiness::scope::RelistRequest;
use crate::resource::{Record, RecordedEvent};
use crate::watch::engine::effect::Write;
use crate::watch::engine::leases::LeaseState;

const MAX_READS: usize = 8;
/// The time limit of the last Events when `watch` ends.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

pub struct Executor {
    cluster: Clusters,
    writes: WritePool,
    reads: TaskPool<RequestOutcome>,
    /// Lists of EndpointSlices. The engine bounds them for each cluster.
    relists: TaskPool<RequestOutcome>,
    /// Delays Events, which no decision depends on.
    gate: IdleGate,
    events: EventRecorder,
    journal: JournalWriter,
}

impl Executor {
    pub fn new(cluster: &Clusters, signature: String) -> Self {
        Self {
            cluster: cluster.clone(),
            writes: WritePool::new(cluster),
            reads: TaskPool::new(MAX_READS),
            relists: TaskPool::new(usize::MAX),
            gate: IdleGate::default(),
            events: EventRecorder::new(cluster, signature),
            journal: JournalWriter::new(cluster),
        }
    }

    /// Queues a write. `started`: the start of the driver, from which the engine's times count.
    pub fn write(&mut self, write: Write, started: Instant) {
        self.gate.note_write(Instant::now());
        self.writes.add(write, started);
    }

    /// Records the state of a Lease: writes in flight go on while it is renewed.
    pub fn lease_event(&mut self, namespace: &str, state: &LeaseState, started: Instant) {
        let expires = match state {
            LeaseState::Held { until } => Some(started + *until),
            LeaseState::Standby { .. } => Some(Instant::now()),
            LeaseState::Unguarded { .. } => None,
            LeaseState::Failing { .. } => return,
        };
        self.writes.permits().lease(namespace, expires);
    }

    /// Records that the Lease of a namespace was released.
    pub fn lease_released(&mut self, namespace: &str) {
        self.writes.permits().forget(namespace);
    }

    /// Prevents all queued writes from starting, and ends those in flight.
    pub fn revoke_write_permits(&mut self) {
        self.writes.permits().revoke_all();
    }

    /// Queues a read of a group's object.
    pub fn read(&mut self, id: GroupId, request: u64, record: Record) {
        let cluster = self.cluster.clone();
        self.reads.add(async move {
            let meta = &record.meta;
            let found = groups::get(&cluster, record.kind, &meta.namespace, &meta.name).await;
            RequestOutcome::Read(id, request, Box::new(found))
        });
    }

    /// Queues a list of EndpointSlices.
    pub fn relist(&mut self, place: RelistRequest) {
        let cluster = self.cluster.clone();
        self.relists.add(async move {
            let listed = relist::relist(&cluster, &place).await;
            RequestOutcome::Relisted(place, listed)
        });
    }

    /// Queues a Kubernetes Event.
    pub fn record_event(&mut self, event: ObjectEvent) {
        self.gate.wait(Instant::now());
        self.events.add(event);
    }

    /// Queues an entry of the journal.
    pub fn add_to_journal(&mut self, entry: RecordedEvent) {
        self.gate.wait(Instant::now());
        self.journal.add(entry);
    }

    /// Returns the next result. None: no request is in flight.
    pub async fn next(&mut self) -> Option<RequestOutcome> {
        loop {
            self.start();
            let gate_opens = self
                .gate
                .opens_at(Instant::now(), !self.writes.is_starting());
            let journal_retry = self.journal.retry_at();
            tokio::select! {
                Some(result) = self.writes.next() => {
                    self.gate.note_write(Instant::now());
                    return Some(result);
                }
                Some(result) = self.reads.next() => return Some(result),
                Some(result) = self.relists.next() => return Some(result),
                Some(()) = self.events.next() => {}
                Some(()) = self.journal.next() => {}
                Some(()) = wait_until(journal_retry) => {}
                Some(()) = wait_until(gate_opens) => {}
                else => return None,
            }
        }
    }

    /// Starts the requests that may run now.
    fn start(&mut self) {
        self.writes.start();
        self.reads.start();
        self.relists.start();
        if self
            .gate
            .is_open(Instant::now(), !self.writes.is_starting())
        {
            self.events.release();
            self.journal.release(Instant::now());
            if !self.events.has_queued() && !self.journal.has_queued() {
                self.gate.clear();
            }
        }
        self.events.start();
        self.journal.start();
    }

    /// Returns the next result of a write. None: no write is in flight.
    pub async fn next_write(&mut self) -> Option<RequestOutcome> {
        self.writes.next().await
    }

    /// Returns whether no request is in flight that a decision could depend on.
    pub fn is_idle(&self) -> bool {
        self.writes.is_idle() && self.reads.is_idle() && self.relists.is_idle()
    }

    /// Drops writes that have not started, and every read.
    pub fn drop_queued(&mut self) {
        self.writes.drop_queued();
        self.reads.abort_all();
        self.relists.abort_all();
    }

    /// Writes the queued Events and the journals, within a time limit.
    pub async fn flush_events(mut self) {
        let both = join(self.events.flush(), self.journal.flush());
        if timeout(FLUSH_LIMIT, both).await.is_err() {
            tracing::warn!("could not write the last Events or the journal in time");
        }
    }
}

async fn wait_until(at: Option<Instant>) -> Option<()> {
    sleep_until(at?).await;
    Some(())
}
