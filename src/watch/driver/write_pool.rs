//! The writes in flight. A bounded number of them starts at once, and namespaces take turns. A write
//! that the API server holds up does not hold up the others.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::fair_queue::FairQueue;
use super::fencing::{WritePermit, WritePermits};
use super::request_outcome::RequestOutcome;
use crate::cluster::api::apply;
use crate::cluster::transport::client::WRITE_TIMEOUT;
use crate::cluster::transport::error::Cause;
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::model::GroupId;
use crate::resource::{Change, Record};
use crate::watch::engine::effect::Write;

/// The number of writes that start at once. More of them do not make an API server faster.
const MAX_STARTING: usize = 32;
/// The number of writes of one namespace in flight, slow ones included.
const MAX_IN_NAMESPACE: usize = 128;
/// After this long, a write no longer counts as starting, so that others start.
const STARTING_TIME: Duration = Duration::from_secs(1);
/// After this long, a write is slow: an admission webhook holds it up, or its connection is dead.
const SLOW_WRITE: Duration = Duration::from_secs(5);
/// The number of slow writes that are sent a second time.
const MAX_SECOND_ATTEMPTS: usize = 32;

type PendingStep = BoxFuture<'static, WriteStep>;

pub struct WritePool {
    cluster: Cluster,
    permits: WritePermits,
    queue: FairQueue<PendingStep>,
    starting: JoinSet<WriteStep>,
    started: JoinSet<WriteStep>,
    second_attempts: Arc<Semaphore>,
}

enum WriteStep {
    Ended(RequestOutcome),
    /// It goes on outside the bounded pool.
    Started(PendingStep),
    /// It goes on, and is slow.
    Slow(GroupId, u64, PendingStep),
}

impl WritePool {
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.limited(WRITE_TIMEOUT),
            permits: WritePermits::default(),
            queue: FairQueue::new(MAX_IN_NAMESPACE),
            starting: JoinSet::new(),
            started: JoinSet::new(),
            second_attempts: Arc::new(Semaphore::new(MAX_SECOND_ATTEMPTS)),
        }
    }

    /// The permits of the writes.
    pub fn permits(&mut self) -> &mut WritePermits {
        &mut self.permits
    }

    /// Queues a write. `started`: the start of the driver, from which the engine's times count.
    pub fn add(&mut self, write: Write, started: Instant) {
        let Write {
            group,
            request,
            record,
            change,
            until,
            ..
        } = write;
        let expires = until.map(|until| started + until);
        let permit = self.permits.grant(&group.namespace, expires);
        let attempts = Attempts {
            cluster: self.cluster.clone(),
            record,
            change,
            second: Arc::clone(&self.second_attempts),
        };
        let namespace = group.namespace.clone();
        let step = async move {
            if !permit.is_valid() {
                return WriteStep::Ended(RequestOutcome::Postponed(group, request));
            }
            let (id, written) = (group.clone(), attempts.send_fenced(permit));
            let write = written
                .map(move |result| {
                    WriteStep::Ended(RequestOutcome::Written(id, request, Box::new(result)))
                })
                .boxed();
            let slow = move |rest| WriteStep::Slow(group, request, rest);
            let rest = match within(STARTING_TIME, write).await {
                Ok(step) => return step,
                Err(rest) => rest,
            };
            let reported = async move {
                within(SLOW_WRITE.saturating_sub(STARTING_TIME), rest)
                    .await
                    .unwrap_or_else(slow)
            };
            WriteStep::Started(reported.boxed())
        };
        self.queue.push(&namespace, step.boxed());
    }

    /// Starts queued writes, up to the limits.
    pub fn start(&mut self) {
        while self.starting.len() < MAX_STARTING
            && let Some(write) = self.queue.pop()
        {
            self.starting.spawn(write);
        }
    }

    /// Returns the next result. None: no write is in flight.
    pub async fn next(&mut self) -> Option<RequestOutcome> {
        loop {
            let step = tokio::select! {
                Some(step) = self.starting.join_next() => step,
                Some(step) = self.started.join_next() => step,
                else => return None,
            };
            match step {
                Ok(WriteStep::Ended(outcome)) => {
                    if let RequestOutcome::Written(group, ..)
                    | RequestOutcome::Postponed(group, _) = &outcome
                    {
                        self.queue.ended(&group.namespace);
                    }
                    return Some(outcome);
                }
                Ok(WriteStep::Started(rest)) => {
                    self.started.spawn(rest);
                    self.start();
                }
                Ok(WriteStep::Slow(group, request, rest)) => {
                    self.started.spawn(rest);
                    return Some(RequestOutcome::StillWriting(group, request));
                }
                Err(cause) => tracing::debug!(%cause, "a write was aborted"),
            }
        }
    }

    /// Drops writes that have not started.
    pub fn drop_queued(&mut self) {
        self.queue.clear();
    }

    /// Returns whether no write is queued or in flight.
    pub fn is_idle(&self) -> bool {
        !self.is_starting() && self.started.is_empty()
    }

    /// Returns whether a write is queued or has just started.
    pub fn is_starting(&self) -> bool {
        !self.queue.is_empty() || !self.starting.is_empty()
    }
}

/// Returns the output of a future, or the future if it takes longer than `limit`.
async fn within<T>(
    limit: Duration,
    mut future: BoxFuture<'static, T>,
) -> Result<T, BoxFuture<'static, T>> {
    match timeout(limit, &mut future).await {
        Ok(output) => Ok(output),
        Err(_) => Err(future),
    }
}

/// The attempts of one write. The resource version in the patch makes sure that at most one of them
/// is applied.
struct Attempts {
    cluster: Cluster,
    record: Record,
    change: Change,
    second: Arc<Semaphore>,
}

impl Attempts {
    /// Sends the write, while its permit lasts.
    async fn send_fenced(self, mut permit: WritePermit) -> RequestResult<Record> {
        let started = Instant::now();
        tokio::select! {
            result = self.send() => result,
            () = permit.expired() => {
                let after = started.elapsed();
                let path = apply::path(&self.record);
                Err(RequestError::new(&http::Method::PATCH, &path, Cause::TimedOut { after }))
            }
        }
    }

    /// Sends the write. Without an answer it is sent again on another connection, beside the first
    /// attempt: either the connection is dead, or admission takes long and the first one ends first.
    async fn send(&self) -> RequestResult<Record> {
        let first = self.attempt();
        tokio::pin!(first);
        tokio::select! {
            result = &mut first => return result,
            () = sleep(SLOW_WRITE) => {}
        }
        let Ok(_permit) = self.second.try_acquire() else {
            return first.await;
        };
        let second = self.attempt();
        tokio::pin!(second);
        tokio::select! {
            result = &mut first => match result {
                Err(error) if error.is_unanswered() => second.await,
                result => result,
            },
            result = &mut second => match result {
                Err(error) if !error.is_conflict() => first.await,
                result => result,
            },
        }
    }

    async fn attempt(&self) -> RequestResult<Record> {
        apply::apply(&self.cluster, &self.record, &self.change, false).await
    }
}
