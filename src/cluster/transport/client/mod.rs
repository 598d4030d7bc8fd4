//! The client of one cluster: what it is made of, and its time limits. Each request has one.

mod exchange;
mod objects;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kube::core::request;

use super::auth::credentials::CredentialsError;
use super::auth::refresh::RefreshingClient;
use super::connector;
use super::kubeconfig;
use super::kubeconfig::ResolvedConfig;
use super::options::ConnectOptions;
use super::page_size::PageSize;
use super::proxy::Proxy;
use super::served_versions::ServedVersions;
use super::server_clock::ServerClock;
use super::store_history::StoreHistory;
use crate::problem::Problem;
use crate::resource::KindInfo;
use crate::text::{ConnectionFlags, without_userinfo};

/// The default time limit of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The default time limit of one page of a list.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// The default time limit of all pages of a list. The API server keeps the version that the pages
/// show for about as long.
const LIST_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// The time limit of all pages of a list, in limits of one page, with `--request-timeout`.
const PAGES_IN_TIME: u32 = 10;
/// The default time limit of a write. Each admission webhook may take 30 s. The API server itself
/// ends a request after 60 s by default, and its answer is worth waiting for.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(65);
/// The meaning of `--request-timeout 0`.
const NO_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A request from kube's builder, or why it could not be built.
pub(crate) type BuiltRequest = Result<http::Request<Vec<u8>>, request::Error>;

/// One cluster, as one user.
#[derive(Clone)]
pub struct Cluster {
    client: Arc<RefreshingClient>,
    clock: Arc<ServerClock>,
    timeout: Duration,
    page_timeout: Duration,
    list_timeout: Duration,
    write_timeout: Duration,
    versions: Arc<ServedVersions>,
    pub(crate) page_size: Arc<PageSize>,
    pub(crate) store: Arc<StoreHistory>,
    /// A warning that the cluster is polled was issued.
    has_warned_of_polling: Arc<AtomicBool>,
    /// The name of the kubeconfig's context.
    pub context: String,
    /// The flags with which a suggested command connects to this cluster.
    pub reach: ConnectionFlags,
    /// Address of the API server, without credentials.
    pub server: String,
    /// The proxy through which the server is reached.
    pub proxy: Option<Proxy>,
    /// The namespace of commands that do not name one.
    pub namespace: String,
    /// The user's name in the kubeconfig.
    pub user: Option<String>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("context", &self.context)
            .field("server", &self.server)
            .finish()
    }
}

impl Cluster {
    /// Resolves the options and builds a client. Sends no request yet, but may wait for a
    /// credential plugin.
    ///
    /// # Errors
    /// A `Problem` if the kubeconfig cannot be read, lacks an entry that the options name, or has
    /// no usable credentials.
    pub async fn connect(options: &ConnectOptions) -> anyhow::Result<Self> {
        let resolved = kubeconfig::resolve(options).await?;
        // The refresh keeps the context, even if the current context changes meanwhile.
        let refresh = options.with_context(&resolved.context);
        Ok(Self::new(resolved, Some(refresh), options.request_timeout).await?)
    }

    /// Builds a client for this configuration. If the server rejects the credentials, they are
    /// renewed with `refresh`.
    ///
    /// # Errors
    /// A `Problem` if the configuration cannot be used or has no usable credentials.
    pub(crate) async fn new(
        resolved: ResolvedConfig,
        refresh: Option<ConnectOptions>,
        timeout: Option<Duration>,
    ) -> Result<Self, Problem> {
        let ResolvedConfig {
            connection,
            namespace,
            context,
            flags,
            user,
        } = resolved;
        let url = connection.config.cluster_url.clone();
        let proxy = connection.proxy.clone();
        let client = connector::client(connection)
            .await
            .map_err(|cause| unusable(&context, &cause))?;
        let timeout = timeout.map(|limit| if limit.is_zero() { NO_TIMEOUT } else { limit });
        let server = without_userinfo(url.to_string().trim_end_matches('/'));
        Ok(Self {
            store: Arc::new(StoreHistory::new(&server)),
            server,
            client: Arc::new(RefreshingClient::new(client, url, refresh)),
            clock: Arc::default(),
            timeout: timeout.unwrap_or(REQUEST_TIMEOUT),
            page_timeout: timeout.unwrap_or(PAGE_TIMEOUT),
            list_timeout: timeout.map_or(LIST_TIMEOUT, |page| page.saturating_mul(PAGES_IN_TIME)),
            write_timeout: timeout.unwrap_or(WRITE_TIMEOUT),
            versions: Arc::default(),
            page_size: Arc::default(),
            has_warned_of_polling: Arc::default(),
            context,
            reach: flags,
            proxy,
            namespace,
            user,
        })
    }

    /// Returns the API server's clock.
    pub fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// Returns the version in which the server serves a kind, such as `v1`: the preferred one
    /// until a request has shown that the server does not have it.
    pub fn version_of(&self, kind: &KindInfo) -> &'static str {
        self.versions.of(kind)
    }

    /// Returns the time limit of one request.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns the time limit of one page of a list.
    pub(crate) fn page_timeout(&self) -> Duration {
        self.page_timeout
    }

    /// Returns the time limit of all pages of a list.
    pub(crate) fn list_timeout(&self) -> Duration {
        self.list_timeout
    }

    /// Returns the same cluster with a shorter time limit for each request.
    #[must_use]
    pub fn limited(&self, limit: Duration) -> Self {
        Self {
            timeout: self.timeout.min(limit),
            page_timeout: self.page_timeout.min(limit),
            list_timeout: self.list_timeout.min(limit),
            write_timeout: self.write_timeout.min(limit),
            ..self.clone()
        }
    }

    /// Returns the same cluster with the time limit of a write for each request.
    #[must_use]
    pub(crate) fn for_writes(&self) -> Self {
        Self {
            timeout: self.write_timeout,
            ..self.clone()
        }
    }

    /// Warns once that the cluster is polled because its watches report nothing.
    pub(crate) fn warn_of_polling(&self) {
        if !self.has_warned_of_polling.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "changes in {} are noticed a few seconds late: lists work but watches report \
                 nothing in time, as behind a proxy that buffers responses; listing every few \
                 seconds instead",
                self.server
            );
        }
    }
}

/// The problem of a context for which no client can be built.
fn unusable(context: &str, cause: &kube::Error) -> Problem {
    let Some(credentials) = CredentialsError::find(cause) else {
        let how = without_userinfo(&cause.to_string());
        return Problem::new(format!("context {context:?} cannot be used: {how}"))
            .next("check its certificates and credentials with: kubectl config view");
    };
    Problem::new(format!(
        "can't get credentials for context {context:?}: {credentials}"
    ))
    .next(credentials.next())
    .next("see where they come from: kubectl config view")
}
