//! An HTTP proxy, for tests of clusters that are reached through one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// An HTTP proxy that only opens tunnels.
pub struct ConnectProxy {
    pub url: String,
    tunnels: Arc<AtomicUsize>,
}

impl ConnectProxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let url = format!(
            "http://{}",
            listener.local_addr().expect("the listener has an address")
        );
        let tunnels = Arc::<AtomicUsize>::default();
        let count = tunnels.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let count = count.clone();
                tokio::spawn(async move {
                    // A tunnel may end in any way. The test decides whether that is right.
                    let _ = tunnel(stream, &count).await;
                });
            }
        });
        Self { url, tunnels }
    }

    /// How many tunnels clients have asked for.
    pub fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::SeqCst)
    }
}

async fn tunnel(stream: TcpStream, count: &AtomicUsize) -> std::io::Result<()> {
    let mut client = BufReader::new(stream);
    let mut request = String::new();
    client.read_line(&mut request).await?;
    let target = request
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next())
        .map(str::to_owned);
    while client.read_line(&mut request).await? > 2 {}
    let Some(target) = target else {
        return client
            .write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
            .await;
    };
    count.fetch_add(1, Ordering::SeqCst);
    let mut server = TcpStream::connect(target).await?;
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    copy_bidirectional(&mut client, &mut server)
        .await
        .map(|_| ())
}
