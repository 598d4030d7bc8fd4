//! The client of a cluster, made anew when its credentials are refused: tokens expire, and the program or the file
//! that they come from may have newer ones.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use kube::Client;

use super::token_source::PAUSE;
use crate::cluster::transport::connector;
use crate::cluster::transport::kubeconfig;
use crate::cluster::transport::options::ConnectOptions;

pub struct Renewal {
    /// By what new credentials are found; they name the context, so that it stays the same. None: elsewhere.
    options: Option<ConnectOptions>,
    server: http::Uri,
    current: Mutex<Current>,
}

struct Current {
    client: Client,
    /// Counts the clients.
    number: u64,
    refused: bool,
    /// When another one was last tried to be made.
    tried: Instant,
    /// It is being made. That goes on when the requests that wait for it do so no longer.
    under_way: Option<Shared<BoxFuture<'static, ()>>>,
}

impl Renewal {
    /// The client stays as it is: whoever made it finds new credentials.
    pub fn never(client: Client, server: http::Uri) -> Self {
        let current = Current {
            client,
            number: 0,
            refused: false,
            tried: Instant::now(),
            under_way: None,
        };
        Self {
            options: None,
            server,
            current: Mutex::new(current),
        }
    }

    pub fn by(options: &ConnectOptions, client: Client, context: &str, server: http::Uri) -> Self {
        Self {
            options: Some(options.with_context(context)),
            ..Self::never(client, server)
        }
    }

    /// The client with its number: a new one where the last was refused and another can be had.
    pub async fn client(self: &Arc<Self>) -> (Client, u64) {
        if let Some(renewal) = self.renewal() {
            renewal.await;
        }
        let current = self.current();
        (current.client.clone(), current.number)
    }

    /// Takes in that the credentials of the client of this number were refused.
    pub fn refused(&self, number: u64) {
        let mut current = self.current();
        current.refused |= current.number == number;
    }

    /// What to wait for, if the client is being made anew or is to be.
    fn renewal(self: &Arc<Self>) -> Option<Shared<BoxFuture<'static, ()>>> {
        let mut current = self.current();
        if !current.refused {
            return None;
        }
        if current.under_way.is_none() && current.tried.elapsed() >= PAUSE {
            let task = tokio::spawn(Arc::clone(self).renew());
            current.under_way = Some(task.map(drop).boxed().shared());
        }
        current.under_way.clone()
    }

    async fn renew(self: Arc<Self>) {
        let made = self.make().await;
        let mut current = self.current();
        if let Some(client) = made {
            current.client = client;
            current.number += 1;
            current.refused = false;
        }
        current.tried = Instant::now();
        current.under_way = None;
    }

    /// Another client for the same server; a kubeconfig that now names another one is no help.
    async fn make(&self) -> Option<Client> {
        let config = kubeconfig::resolve(self.options.as_ref()?)
            .await
            .ok()?
            .config;
        if config.cluster_url != self.server {
            return None;
        }
        // Programs that give credentials block the thread that they are called on.
        let made = tokio::task::spawn_blocking(move || connector::client(config))
            .await
            .ok()?;
        made.inspect_err(|_| tracing::debug!("no new credentials can be had"))
            .ok()
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
