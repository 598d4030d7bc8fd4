//! The writes in flight. A bounded number of them starts at once; one that the API server holds up
//! does not hold up the others.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::fencing::{WritePermit, WritePermits};
use super::request_outcome::RequestOutcome;
use super::task_pool::TaskPool;
use crate::cluster::api::apply;
use crate::cluster::transport::error::Cause;
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::model::GroupId;
use crate::resource::{Change, Record};
use crate::watch::engine::effect::Write;

/// The number of writes that start at once. More of them do not make an API server faster.
const MAX_WRITES: usize = 32;
/// The longest time limit of a write: an API server does not work on one request for longer.
const MAX_WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// A write that takes longer is slow: an admission webhook holds it up, or its connection is dead.
const SLOW_WRITE: Duration = Duration::from_secs(5);
/// The number of slow writes that are sent a second time.
const MAX_SECOND_ATTEMPTS: usize = 32;

pub struct WritePool {
    cluster: Cluster,
    permits: WritePermits,
    starting: TaskPool<WriteStep>,
    slow: TaskPool<RequestOutcome>,
    second_attempts: Arc<Semaphore>,
}

enum WriteStep {
    Ended(RequestOutcome),
    /// It goes on outside the bounded pool.
    Slow(GroupId, u64, BoxFuture<'static, RequestOutcome>),
}

impl WritePool {
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.limited(MAX_WRITE_TIMEOUT),
            permits: WritePermits::default(),
            starting: TaskPool::new(MAX_WRITES),
            slow: TaskPool::new(usize::MAX),
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
        self.starting.add(async move {
            if !permit.is_valid() {
                return WriteStep::Ended(RequestOutcome::Postponed(group, request));
            }
            let (id, written) = (group.clone(), attempts.send_fenced(permit));
            let mut write = written
                .map(move |result| RequestOutcome::Written(id, request, Box::new(result)))
                .boxed();
            match timeout(SLOW_WRITE, &mut write).await {
                Ok(outcome) => WriteStep::Ended(outcome),
                Err(_) => WriteStep::Slow(group, request, write),
            }
        });
    }

    pub fn start(&mut self) {
        self.starting.start();
    }

    /// Returns the next result. None: no write is in flight.
    pub async fn next(&mut self) -> Option<RequestOutcome> {
        tokio::select! {
            Some(step) = self.starting.next() => Some(match step {
                WriteStep::Ended(outcome) => outcome,
                WriteStep::Slow(group, request, rest) => {
                    self.slow.add(rest);
                    self.slow.start();
                    RequestOutcome::StillWriting(group, request)
                }
            }),
            Some(outcome) = self.slow.next() => Some(outcome),
            else => None,
        }
    }

    /// Drops writes that have not started.
    pub fn drop_queued(&mut self) {
        self.starting.drop_queued();
    }

    /// Returns whether no write is queued or in flight.
    pub fn is_idle(&self) -> bool {
        !self.is_starting() && self.slow.is_idle()
    }

    /// Returns whether a write is queued or in flight that is not slow.
    pub fn is_starting(&self) -> bool {
        !self.starting.is_idle()
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
