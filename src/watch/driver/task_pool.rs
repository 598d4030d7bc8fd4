use std::collections::VecDeque;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::task::JoinSet;

/// A bounded number of requests at once; the others wait in line.
pub struct TaskPool<T> {
    most: usize,
    running: JoinSet<T>,
    waiting: VecDeque<BoxFuture<'static, T>>,
}

impl<T: Send + 'static> TaskPool<T> {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            running: JoinSet::new(),
            waiting: VecDeque::new(),
        }
    }

    pub fn add(&mut self, request: impl Future<Output = T> + Send + 'static) {
        self.waiting.push_back(request.boxed());
    }

    /// Starts what waits, as far as there is room.
    pub fn start(&mut self) {
        while self.running.len() < self.most
            && let Some(request) = self.waiting.pop_front()
        {
            self.running.spawn(request);
        }
    }

    /// What the next request to end gives; none when none runs.
    pub async fn next(&mut self) -> Option<T> {
        loop {
            match self.running.join_next().await? {
                Ok(answer) => return Some(answer),
                Err(cause) => tracing::debug!(%cause, "a request was dropped"),
            }
        }
    }

    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub fn drop_what_waits(&mut self) {
        self.waiting.clear();
    }

    /// Drops what runs, too.
    pub fn drop_all(&mut self) {
        self.waiting.clear();
        self.running.abort_all();
    }

    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }
}
