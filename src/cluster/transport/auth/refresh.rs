//! Refreshes credentials: when the server answers 401 Unauthorized, the client of a cluster is
//! rebuilt. Tokens expire, and their plugin or file may have newer ones.

use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use kube::Client;
use parking_lot::Mutex;

use super::token_source::CREDENTIALS_RETRY_INTERVAL;
use crate::cluster::transport::connector;
use crate::cluster::transport::kubeconfig;
use crate::cluster::transport::options::ConnectOptions;

pub struct RefreshingClient {
    server: http::Uri,
    /// Where to find newer credentials. None: only the creator of this client can find them.
    refresh: Option<ConnectOptions>,
    state: Mutex<ClientState>,
}

struct ClientState {
    client: Client,
    /// Counts the clients, so that a late 401 of an old client does not reject the new one.
    generation: u64,
    is_rejected: bool,
    last_attempt: Instant,
    rebuilding: Option<Rebuild>,
}

type Rebuild = Shared<BoxFuture<'static, ()>>;

impl RefreshingClient {
    pub fn new(client: Client, server: http::Uri, refresh: Option<ConnectOptions>) -> Self {
        let state = ClientState {
            client,
            generation: 0,
            is_rejected: false,
            last_attempt: Instant::now(),
            rebuilding: None,
        };
        Self {
            server,
            refresh,
            state: Mutex::new(state),
        }
    }

    /// Returns the client and its generation. If the last client was rejected, waits for a new one.
    pub async fn current(self: &Arc<Self>) -> (Client, u64) {
        let rebuild = self.rebuild_if_rejected();
        if let Some(rebuild) = rebuild {
            rebuild.await;
        }
        let state = self.state.lock();
        (state.client.clone(), state.generation)
    }

    /// Records that the server rejected the credentials of this generation.
    pub fn reject(&self, generation: u64) {
        let mut state = self.state.lock();
        state.is_rejected |= state.generation == generation;
    }

    fn rebuild_if_rejected(self: &Arc<Self>) -> Option<Rebuild> {
        let mut state = self.state.lock();
        if !state.is_rejected {
            return None;
        }
        if state.rebuilding.is_none() && state.last_attempt.elapsed() >= CREDENTIALS_RETRY_INTERVAL
        {
            // Detached, so that it outlives the requests that wait for it: the result of a slow
            // credential plugin serves later requests. At most one runs for each client.
            let task = tokio::spawn(Arc::clone(self).rebuild());
            state.rebuilding = Some(task.map(drop).boxed().shared());
        }
        state.rebuilding.clone()
    }

    async fn rebuild(self: Arc<Self>) {
        let rebuilt = self.new_client().await;
        let mut state = self.state.lock();
        if let Some(client) = rebuilt {
            state.client = client;
            state.generation += 1;
            state.is_rejected = false;
        }
        state.last_attempt = Instant::now();
        state.rebuilding = None;
    }

    /// Builds another client for the same server. Returns None if the kubeconfig names another
    /// server by then.
    async fn new_client(&self) -> Option<Client> {
        let resolved = kubeconfig::resolve(self.refresh.as_ref()?).await.ok()?;
        if resolved.connection.config.cluster_url != self.server {
            return None;
        }
        let client = connector::client(resolved.connection).await;
        client
            .inspect_err(|_| tracing::debug!("no new credentials"))
            .ok()
    }
}
