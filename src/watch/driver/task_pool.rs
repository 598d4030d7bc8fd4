//! A pool of tasks: a bounded number runs at once, and the rest wait in a queue.

use std::collections::VecDeque;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::task::JoinSet;

pub struct TaskPool<T> {
    max_running: usize,
    running: JoinSet<T>,
    queued: VecDeque<BoxFuture<'static, T>>,
}

impl<T: Send + 'static> TaskPool<T> {
    pub fn new(max_running: usize) -> Self {
        Self {
            max_running,
            running: JoinSet::new(),
            queued: VecDeque::new(),
        }
    }

    pub fn add(&mut self, task: impl Future<Output = T> + Send + 'static) {
        self.queued.push_back(task.boxed());
    }

    /// Starts queued tasks, up to the limit.
    pub fn start(&mut self) {
        while self.running.len() < self.max_running
            && let Some(task) = self.queued.pop_front()
        {
            self.running.spawn(task);
        }
    }

    /// Returns the result of the next task that ends. None: no task runs.
    pub async fn next(&mut self) -> Option<T> {
        loop {
            match self.running.join_next().await? {
                Ok(result) => return Some(result),
                Err(cause) => tracing::debug!(%cause, "a request was aborted"),
            }
        }
    }

    /// Drops queued tasks and aborts running ones.
    pub fn abort_all(&mut self) {
        self.queued.clear();
        self.running.abort_all();
    }

    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.queued.is_empty()
    }
}
