//! Whether the API server answers. Watches may be silent for 20 s while all is well, so a small
//! request is sent every 2 s.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;
use crate::cluster::api::discovery;

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the API server for its version until it is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    heard: Arc<Mutex<Instant>>,
    task: JoinHandle<()>,
}

impl Heartbeat {
    pub fn start(cluster: &Cluster) -> Self {
        let cluster = cluster.limited(HEARTBEAT_TIMEOUT);
        let heard = Arc::new(Mutex::new(Instant::now()));
        let last = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            loop {
                let answer = discovery::version(&cluster).await;
                // An error of the server is an answer too.
                if answer.map_or_else(|error| error.code().is_some(), |_| true) {
                    *last.lock() = Instant::now();
                }
                sleep(HEARTBEAT_INTERVAL).await;
            }
        });
        Self { heard, task }
    }

    /// The time since the last answer.
    pub fn silence(&self) -> Duration {
        self.heard.lock().elapsed()
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}
