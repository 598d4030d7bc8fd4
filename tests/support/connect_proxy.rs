//! An HTTP and SOCKS proxy, for tests of clusters that are reached through one.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that only opens tunnels, as an HTTP proxy and with SOCKS version 5. Names of hosts lead to
/// this machine.
pub struct ConnectProxy {
    /// Its address, without a scheme.
    pub address: String,
    /// Its address as that of an HTTP proxy.
    pub url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl ConnectProxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = shared.clone();
                tokio::spawn(async move {
                    // A tunnel may end in any way. The test decides whether that is right.
                    let _ = tunnel(BufReader::new(stream), &seen).await;
                });
            }
        });
        Self {
            url: format!("http://{address}"),
            address: address.to_string(),
            seen,
        }
    }

    /// How many tunnels clients have asked for.
    pub fn tunnels(&self) -> usize {
        self.seen().len()
    }

    /// The targets of all tunnels, each with what the client said about itself.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no test thread panicked").clone()
    }
}

async fn tunnel(
    mut client: BufReader<TcpStream>,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let is_socks = client.fill_buf().await?.first() == Some(&5);
    let (host, port, login) = if is_socks {
        socks_target(&mut client).await?
    } else {
        http_target(&mut client).await?
    };
    let line = format!("{host}:{port} {login}");
    seen.lock().expect("no test thread panicked").push(line);
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    client
        .write_all(if is_socks {
            &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        } else {
            b"HTTP/1.1 200 Connection established\r\n\r\n"
        })
        .await?;
    copy_bidirectional(&mut client, &mut server)
        .await
        .map(|_| ())
}

async fn http_target(client: &mut BufReader<TcpStream>) -> std::io::Result<(String, u16, String)> {
    let mut request = String::new();
    while client.read_line(&mut request).await? > 2 {}
    let lines = || request.lines().map(str::to_owned);
    let target = lines().next().unwrap_or_default();
    let target = target
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next());
    let (host, port) = target
        .and_then(|target| target.rsplit_once(':'))
        .ok_or(std::io::ErrorKind::InvalidData)?;
    let login = lines().find(|line| line.to_lowercase().starts_with("proxy-authorization:"));
    let port = port.parse().map_err(|_| std::io::ErrorKind::InvalidData)?;
    Ok((host.to_owned(), port, login.unwrap_or_default()))
}

/// The parts of SOCKS that a client needs (RFC 1928 and RFC 1929).
async fn socks_target(client: &mut BufReader<TcpStream>) -> std::io::Result<(String, u16, String)> {
    let [_, count] = read(client).await?;
    let mut methods = vec![0; count.into()];
    client.read_exact(&mut methods).await?;
    let mut login = String::new();
    if methods.contains(&2) {
        client.write_all(&[5, 2]).await?;
        let [_] = read(client).await?;
        let (user, password) = (text(client).await?, text(client).await?);
        client.write_all(&[1, 0]).await?;
        login = format!("{user}:{password}");
    } else {
        client.write_all(&[5, 0]).await?;
    }
    let [_, _, _, kind] = read(client).await?;
    let host = if kind == 3 {
        text(client).await?
    } else {
        let [a, b, c, d] = read(client).await?;
        std::net::Ipv4Addr::new(a, b, c, d).to_string()
    };
    let port = u16::from_be_bytes(read(client).await?);
    Ok((host, port, login))
}

async fn read<const N: usize>(client: &mut BufReader<TcpStream>) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn text(client: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let [length] = read(client).await?;
    let mut bytes = vec![0; length.into()];
    client.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
