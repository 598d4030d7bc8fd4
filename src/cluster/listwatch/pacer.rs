//! Lets other tasks run while much is decoded: every cluster shares one thread, so a server that
//! sends much must not delay the Leases and watches of others.

/// What is decoded at once, which takes about a millisecond.
const YIELD_INTERVAL_BYTES: usize = 256 * 1024;

#[derive(Debug, Default)]
pub struct Pacer {
    /// How many bytes were decoded since other tasks could run.
    decoded: usize,
}

impl Pacer {
    /// Records that this many bytes were decoded. Lets other tasks run if there were many.
    pub async fn decoded(&mut self, bytes: usize) {
        self.decoded += bytes;
        if self.decoded >= YIELD_INTERVAL_BYTES {
            self.decoded = 0;
            tokio::task::yield_now().await;
        }
    }
}
