//! Refreshes credentials: before they end, and when the server refuses them, the client of a cluster
//! is rebuilt. Tokens and certificates expire, and their plugin or file may have newer ones.

use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use jiff::Timestamp;
use kube::Client;
use parking_lot::Mutex;

use super::credentials::CredentialsError;
use super::renewal::Renewal;
use super::token_source::CREDENTIALS_RETRY_INTERVAL;
use crate::cluster::transport::connector;
use crate::cluster::transport::connector::BuiltClient;
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
    renewal: Option<Renewal>,
    /// Counts the clients, so that a late refusal of an old client does not reject the new one.
    generation: u64,
    rejected: Option<Rejection>,
    /// Why the last attempt to obtain newer credentials failed.
    failure: Option<CredentialsError>,
    last_attempt: Instant,
    rebuilding: Option<Rebuild>,
}

/// How the server refused the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// It answered 401 Unauthorized, or the token cannot be sent. It may take them another time.
    Unauthorized,
    /// It ended the TLS handshake.
    Handshake,
}

type Rebuild = Shared<BoxFuture<'static, ()>>;

impl RefreshingClient {
    pub fn new(built: BuiltClient, server: http::Uri, refresh: Option<ConnectOptions>) -> Self {
        let state = ClientState {
            client: built.client,
            renewal: built.renewal,
            generation: 0,
            rejected: None,
            failure: None,
            last_attempt: Instant::now(),
            rebuilding: None,
        };
        Self {
            server,
            refresh,
            state: Mutex::new(state),
        }
    }

    /// Returns the client and its generation. If the credentials have ended or were rejected, waits
    /// for a new client.
    ///
    /// # Errors
    /// If the credentials have certainly ended, and no newer ones can be obtained.
    pub async fn current(self: &Arc<Self>) -> Result<(Client, u64), CredentialsError> {
        let rebuild = self.rebuild_if_needed();
        if let Some(rebuild) = rebuild {
            rebuild.await;
        }
        let state = self.state.lock();
        match &state.failure {
            Some(failure) if state.is_useless() => Err(failure.clone()),
            _ => Ok((state.client.clone(), state.generation)),
        }
    }

    /// Records that the server rejected the credentials of this generation.
    pub fn reject(&self, generation: u64, how: Rejection) {
        let mut state = self.state.lock();
        if state.generation == generation {
            state.rejected = Some(how);
        }
    }

    /// Starts to build a new client if one is needed. Returns what to wait for, if the present one is
    /// of no use.
    fn rebuild_if_needed(self: &Arc<Self>) -> Option<Rebuild> {
        let mut state = self.state.lock();
        let is_due = state
            .renewal
            .is_some_and(|renewal| renewal.is_due(Timestamp::now()));
        if !is_due && state.rejected.is_none() {
            return None;
        }
        if state.rebuilding.is_none() && state.last_attempt.elapsed() >= CREDENTIALS_RETRY_INTERVAL
        {
            // Detached, so that it outlives the requests that wait for it: the result of a slow
            // credential plugin serves later requests. At most one runs for each client.
            let task = tokio::spawn(Arc::clone(self).rebuild());
            state.rebuilding = Some(task.map(drop).boxed().shared());
        }
        let must_wait = state.rejected.is_some() || state.is_useless();
        state.rebuilding.clone().filter(|_| must_wait)
    }

    async fn rebuild(self: Arc<Self>) {
        let rebuilt = self.new_client().await;
        let mut state = self.state.lock();
        state.failure = None;
        match rebuilt {
            Some(Ok(built)) => {
                state.client = built.client;
                state.renewal = built.renewal;
                state.generation += 1;
                state.rejected = None;
            }
            Some(Err(cause)) => {
                tracing::debug!("no new credentials");
                state.failure = CredentialsError::find(&cause);
            }
            None => {}
        }
        state.last_attempt = Instant::now();
        state.rebuilding = None;
    }

    /// Builds another client for the same server. Returns None if the kubeconfig names another
    /// server by then.
    async fn new_client(&self) -> Option<kube::Result<BuiltClient>> {
        let resolved = kubeconfig::resolve(self.refresh.as_ref()?).await.ok()?;
        if resolved.connection.config.cluster_url != self.server {
            return None;
        }
        Some(connector::client(resolved.connection).await)
    }
}

impl ClientState {
    /// Returns whether no server can take the credentials.
    fn is_useless(&self) -> bool {
        let is_over = self
            .renewal
            .is_some_and(|renewal| renewal.is_over(Timestamp::now()));
        is_over || self.rejected == Some(Rejection::Handshake)
    }
}
