//! A proxy that adds latency to the connection with the API server, and counts its traffic.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    received: AtomicU64,
}

/// Runs on its own thread until the benchmark ends, so that the benchmark's work does not delay it.
pub struct LatencyProxy {
    pub address: SocketAddr,
    counts: Arc<Counts>,
}

impl LatencyProxy {
    /// Starts a proxy for the server at `to`. Bytes from the client arrive `delay` later.
    pub fn start(to: SocketAddr, delay: Duration) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let counts = Arc::<Counts>::default();
        let counted = Arc::clone(&counts);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .expect("a runtime")
                .block_on(serve(listener, to, delay, counted));
        });
        Self { address, counts }
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes from the server so far.
    pub fn received(&self) -> u64 {
        self.counts.received.load(Ordering::Relaxed)
    }
}

async fn serve(
    listener: std::net::TcpListener,
    to: SocketAddr,
    delay: Duration,
    counts: Arc<Counts>,
) {
    listener
        .set_nonblocking(true)
        .expect("a listener can be made not to block");
    let listener = TcpListener::from_std(listener).expect("the listener can be used");
    while let Ok((client, _)) = listener.accept().await {
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(to).await else {
                return;
            };
            counts.connections.fetch_add(1, Ordering::Relaxed);
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::join!(
                send_late(from_client, to_server, delay),
                send(from_server, to_client, &counts)
            );
        });
    }
}

async fn send_late(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (late, mut queue) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async move {
        loop {
            let mut bytes = Vec::with_capacity(16 * 1024);
            match from.read_buf(&mut bytes).await {
                Ok(read) if read > 0 => {
                    let _ = late.send((Instant::now() + delay, bytes));
                }
                _ => return,
            }
        }
    };
    let writing = async move {
        while let Some((due, bytes)) = queue.recv().await {
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}

async fn send(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, counts: &Counts) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut bytes).await {
        counts.received.fetch_add(read as u64, Ordering::Relaxed);
        if read == 0 || to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
