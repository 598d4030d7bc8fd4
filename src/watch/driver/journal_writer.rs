//! Writes the journals of the namespaces, while no write of a group is in flight. Entries are batched,
//! and a journal that cannot be written delays nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::task_pool::TaskPool;
use crate::cluster::api::journal::{self, JOURNAL_NAME};
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::resource::RecordedEvent;

const MAX_JOURNAL_WRITES: usize = 4;
/// How many entries of a namespace wait: as many as its journal keeps.
const MAX_QUEUED_ENTRIES: usize = 200;
/// When to try again after a failure.
const JOURNAL_RETRY: Duration = Duration::from_secs(5);
/// The time limit of each request.
const JOURNAL_TIMEOUT: Duration = Duration::from_secs(10);

pub struct JournalWriter {
    cluster: Cluster,
    writes: TaskPool<JournalWrite>,
    queued: BTreeMap<String, Vec<RecordedEvent>>,
    /// The namespaces whose journal may not be written.
    denied: BTreeSet<String>,
    /// A missing right was reported.
    has_reported_denial: bool,
    /// The last write failed, and that was reported.
    is_failing: bool,
    /// When to try again after a failure.
    retry_at: Option<Instant>,
}

/// A write that has ended.
struct JournalWrite {
    namespace: String,
    entries: Vec<RecordedEvent>,
    result: RequestResult<()>,
}

impl JournalWriter {
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.limited(JOURNAL_TIMEOUT),
            writes: TaskPool::new(MAX_JOURNAL_WRITES),
            queued: BTreeMap::new(),
            denied: BTreeSet::new(),
            has_reported_denial: false,
            is_failing: false,
            retry_at: None,
        }
    }

    pub fn add(&mut self, entry: RecordedEvent) {
        if self.denied.contains(&entry.namespace) {
            return;
        }
        let queue = self.queued.entry(entry.namespace.clone()).or_default();
        queue.push(entry);
        let excess = queue.len().saturating_sub(MAX_QUEUED_ENTRIES);
        queue.drain(..excess);
    }

    pub fn has_queued(&self) -> bool {
        !self.queued.is_empty()
    }

    /// Returns when to try again after a failure.
    pub fn retry_at(&self) -> Option<Instant> {
        self.retry_at.filter(|_| self.has_queued())
    }

    /// Releases all queued entries for writing, unless earlier ones are still being written.
    pub fn release(&mut self, now: Instant) {
        if !self.writes.is_idle() || self.retry_at.is_some_and(|at| at > now) {
            return;
        }
        self.retry_at = None;
        for (namespace, entries) in std::mem::take(&mut self.queued) {
            let cluster = self.cluster.clone();
            self.writes.add(async move {
                let result = journal::append(&cluster, &namespace, &entries).await;
                JournalWrite {
                    namespace,
                    entries,
                    result,
                }
            });
        }
    }

    /// Starts released writes, up to the limit.
    pub fn start(&mut self) {
        self.writes.start();
    }

    /// Waits until a write has ended. None: none is in flight.
    pub async fn next(&mut self) -> Option<()> {
        let ended = self.writes.next().await?;
        self.ended(ended);
        Some(())
    }

    /// Writes all queued entries, once.
    pub async fn flush(&mut self) {
        self.retry_at = None;
        self.release(Instant::now());
        self.start();
        while self.writes.next().await.is_some() {
            self.start();
        }
    }

    fn ended(&mut self, write: JournalWrite) {
        let JournalWrite {
            namespace,
            mut entries,
            result,
        } = write;
        let Err(error) = result else {
            self.is_failing = false;
            return;
        };
        if error.is_forbidden() {
            self.queued.remove(&namespace);
            self.report_denial(&namespace);
            self.denied.insert(namespace);
            return;
        }
        self.report_failure(&namespace, &error);
        if error.is_refusal() || error.is_not_found() {
            return;
        }
        // The newest entries count.
        let newer = self.queued.entry(namespace).or_default();
        entries.append(newer);
        let excess = entries.len().saturating_sub(MAX_QUEUED_ENTRIES);
        *newer = entries.split_off(excess);
        self.retry_at = Some(Instant::now() + JOURNAL_RETRY);
    }

    fn report_denial(&mut self, namespace: &str) {
        if !std::mem::replace(&mut self.has_reported_denial, true) {
            tracing::warn!(
                "{namespace}: no journal is kept, so its history goes back one hour: grant get, \
                 update and create on configmaps (named {JOURNAL_NAME}), or use --journal FILE"
            );
        }
    }

    fn report_failure(&mut self, namespace: &str, error: &RequestError) {
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(
                "{namespace}: could not write the journal: {error}; moves go on without"
            );
        }
    }
}
