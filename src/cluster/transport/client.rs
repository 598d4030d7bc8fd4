//! The client of one cluster: sends requests, each with a time limit, and decodes the responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::header::ACCEPT;
use http::{HeaderValue, Method, Response, StatusCode, Uri};
use hyper::upgrade::Upgraded;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams, PostParams};
use kube::client::Body;
use kube::core::request;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::api_resource::{ApiResource, path_segment};
use super::auth::credentials::CredentialsError;
use super::auth::refresh::{RefreshingClient, Rejection};
use super::connector;
use super::error::{Cause, RequestError, RequestResult};
use super::kubeconfig;
use super::kubeconfig::ResolvedConfig;
use super::options::ConnectOptions;
use super::page_size::PageSize;
use super::proxy::Proxy;
use super::response::{body_of, refusal};
use super::served_versions::{GroupVersions, ResourceList, ServedVersions, kind_of};
use super::server_clock::ServerClock;
use super::store_history::StoreHistory;
use super::websocket::WebSocketRequest;
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
/// How often to ask a server whose storage for a kind is initializing, and the pause between. Its
/// `Retry-After` is 1 s too. Together less than the time limit of a request.
const MAX_INITIALIZING_WAITS: usize = 7;
const INITIALIZING_INTERVAL: Duration = Duration::from_secs(1);
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

    /// Asks which version of a kind the server serves, if any.
    pub async fn served_version(&self, kind: &KindInfo) -> RequestResult<Option<&'static str>> {
        let path = format!("/apis/{}", kind.group());
        tokio::time::timeout(self.timeout, self.discover(kind))
            .await
            .unwrap_or_else(|_| Err(timed_out(&Method::GET, &path, self.timeout)))
            .map_err(|cause| RequestError::new(&Method::GET, &path, cause))
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

    /// Gets a document of the API server itself, such as `/version`.
    pub async fn get_path<T: DeserializeOwned>(&self, path: &str) -> RequestResult<T> {
        let request = http::Request::get(path).body(Vec::new());
        let request = request.map_err(request::Error::BuildRequest);
        self.json(Method::GET, path, request).await
    }

    /// Gets one object.
    pub async fn get<T: DeserializeOwned>(
        &self,
        resource: ApiResource,
        namespace: Option<&str>,
        name: &str,
    ) -> RequestResult<T> {
        let target = resource.request(namespace);
        let request = target.get(&path_segment(name), &GetParams::default());
        self.json(Method::GET, &target.url_path, request).await
    }

    /// Gets one object. Returns None if the object or its kind does not exist.
    pub async fn find<T>(
        &self,
        resource: ApiResource,
        namespace: &str,
        name: &str,
        decode: impl Fn(&RawValue) -> serde_json::Result<T>,
    ) -> RequestResult<Option<T>> {
        let found = self.get::<Box<RawValue>>(resource, Some(namespace), name);
        match found.await {
            Ok(raw) => decode(&raw).map(Some).map_err(|cause| {
                let path = resource.collection(Some(namespace));
                RequestError::new(&Method::GET, &path, Cause::unreadable(&cause))
            }),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an object and returns it as the server stored it.
    pub async fn create<T: DeserializeOwned>(
        &self,
        resource: ApiResource,
        namespace: Option<&str>,
        params: &PostParams,
        object: &impl Serialize,
    ) -> RequestResult<T> {
        let target = resource.request(namespace);
        let body = serde_json::to_vec(object).map_err(request::Error::SerializeBody);
        let request = body.and_then(|body| target.create(params, body));
        self.json(Method::POST, &target.url_path, request).await
    }

    /// Applies a JSON patch to an object and returns it as the server stored it.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        resource: ApiResource,
        namespace: &str,
        name: &str,
        params: &PatchParams,
        patch: json_patch::Patch,
    ) -> RequestResult<T> {
        let target = resource.request(Some(namespace));
        let request = target.patch(&path_segment(name), params, &Patch::Json::<()>(patch));
        self.json(Method::PATCH, &target.url_path, request).await
    }

    /// Replaces an object and returns it as the server stored it.
    pub async fn replace<T: DeserializeOwned>(
        &self,
        resource: ApiResource,
        namespace: &str,
        name: &str,
        object: &impl Serialize,
    ) -> RequestResult<T> {
        let target = resource.request(Some(namespace));
        let body = serde_json::to_vec(object).map_err(request::Error::SerializeBody);
        let request =
            body.and_then(|body| target.replace(&path_segment(name), &PostParams::default(), body));
        self.json(Method::PUT, &target.url_path, request).await
    }

    /// Deletes an object. The server refuses with 409 if the preconditions do not hold.
    pub async fn delete(
        &self,
        resource: ApiResource,
        namespace: &str,
        name: &str,
        params: &DeleteParams,
    ) -> RequestResult<()> {
        let target = resource.request(Some(namespace));
        let request = target.delete(&path_segment(name), params);
        let deleted: RequestResult<IgnoredAny> =
            self.json(Method::DELETE, &target.url_path, request).await;
        deleted.map(|_| ())
    }

    /// Opens a response whose body the caller reads. The time limit applies only to its headers.
    pub(crate) async fn open(
        &self,
        path: &str,
        request: BuiltRequest,
    ) -> RequestResult<Response<Body>> {
        self.exchange(&Method::GET, path, request).await
    }

    /// Asks the server to continue a connection as a WebSocket.
    pub(crate) async fn upgrade(
        &self,
        path: &str,
        request: BuiltRequest,
        socket: &WebSocketRequest,
    ) -> RequestResult<Upgraded> {
        let upgraded = async {
            let mut request = request.map_err(|cause| Cause::NotBuilt(Arc::new(cause)))?;
            socket.add_to(request.headers_mut());
            let response = self.send(request).await?;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                return Err(refusal(response).await);
            }
            if !socket.is_accepted(response.headers()) {
                let how = "it is not the WebSocket that was asked for".to_owned();
                return Err(Cause::Unreadable { how });
            }
            hyper::upgrade::on(response)
                .await
                .map_err(Cause::unreachable)
        };
        tokio::time::timeout(self.timeout, upgraded)
            .await
            .unwrap_or_else(|_| Err(timed_out(&Method::GET, path, self.timeout)))
            .map_err(|cause| RequestError::new(&Method::GET, path, cause))
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        request: BuiltRequest,
    ) -> RequestResult<T> {
        let path = request
            .as_ref()
            .map_or(path, |request| request.uri().path())
            .to_owned();
        let failed = |cause| RequestError::new(&method, &path, cause);
        let whole = async {
            let response = self.exchange(&method, &path, request).await?;
            body_of(response).await.map_err(failed)
        };
        let body = tokio::time::timeout(self.timeout, whole)
            .await
            .unwrap_or_else(|_| Err(failed(timed_out(&method, &path, self.timeout))))?;
        serde_json::from_slice(&body).map_err(|cause| failed(Cause::unreadable(&cause)))
    }

    /// Sends a request and waits for the headers of the response. Returns an error for an error
    /// status. If the server does not serve the kind in the version of the path, the request is
    /// sent again with another version.
    async fn exchange(
        &self,
        method: &Method,
        path: &str,
        request: BuiltRequest,
    ) -> RequestResult<Response<Body>> {
        let sent = async {
            let request = request.map_err(|cause| Cause::NotBuilt(Arc::new(cause)))?;
            let Some(kind) = kind_of(path) else {
                return self.answer(request).await;
            };
            let tried = self.versions.of(kind);
            let refused = match self.answer(self.at_served_version(kind, &request)).await {
                Err(refused) if refused.is_unknown_path() && kind.versions.len() > 1 => refused,
                answer => return answer,
            };
            match self.discover(kind).await {
                Ok(Some(version)) if version != tried => {
                    self.answer(self.at_served_version(kind, &request)).await
                }
                _ => Err(refused),
            }
        };
        tokio::time::timeout(self.timeout, sent)
            .await
            .unwrap_or_else(|_| Err(timed_out(method, path, self.timeout)))
            .map_err(|cause| RequestError::new(method, path, cause))
    }

    fn at_served_version(
        &self,
        kind: &KindInfo,
        request: &http::Request<Vec<u8>>,
    ) -> http::Request<Vec<u8>> {
        let mut request = request.clone();
        if let Ok(uri) = self.versions.path(kind, &request.uri().to_string()).parse() {
            *request.uri_mut() = uri;
        }
        request
    }

    /// Returns the first version of a kind that the server serves, if it serves any.
    async fn discover(&self, kind: &KindInfo) -> Result<Option<&'static str>, Cause> {
        let group = format!("/apis/{}", kind.group());
        let versions: GroupVersions = match self.document(&group).await {
            Err(cause) if cause.is_not_found() => return Ok(None),
            versions => versions?,
        };
        for version in versions.candidates(kind) {
            let path = format!("{group}/{version}");
            match self.document::<ResourceList>(&path).await {
                Ok(resources) if resources.has(kind.plural) => {
                    self.versions.set(kind, version);
                    return Ok(Some(version));
                }
                Err(cause) if !cause.is_not_found() => return Err(cause),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }

    /// Gets a document of the API server.
    async fn document<T: DeserializeOwned>(&self, path: &str) -> Result<T, Cause> {
        let request = http::Request::get(path).body(Vec::new());
        let request = request
            .map_err(|cause| Cause::NotBuilt(Arc::new(request::Error::BuildRequest(cause))))?;
        let body = body_of(self.answer(request).await?).await?;
        serde_json::from_slice(&body).map_err(|cause| Cause::unreadable(&cause))
    }

    /// Sends a request and returns the response, or an error for an error status. Waits until the
    /// server can serve a kind whose definition was just made.
    async fn answer(&self, mut request: http::Request<Vec<u8>>) -> Result<Response<Body>, Cause> {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(ACCEPT, json);
        tidy_query(request.uri_mut());
        for waited in 0..MAX_INITIALIZING_WAITS {
            match self.answer_once(request.clone()).await {
                Err(cause) if cause.is_initializing() => {
                    let path = request.uri().path();
                    if waited == 1 {
                        tracing::warn!("waiting for the API server to get ready to serve {path}");
                    }
                    tokio::time::sleep(INITIALIZING_INTERVAL).await;
                }
                answer => return answer,
            }
        }
        self.answer_once(request).await
    }

    async fn answer_once(&self, request: http::Request<Vec<u8>>) -> Result<Response<Body>, Cause> {
        let response = self.send(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(response).await)
    }

    /// Sends a request. The response shows whether the credentials are valid, and updates the
    /// server's clock.
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Response<Body>, Cause> {
        let started = Instant::now();
        let (client, generation) = self.client.current().await?;
        let method = request.method().clone();
        let url = format!("{}{}", self.server, request.uri());
        let response = client.send(request.map(Body::from)).await;
        let took = started.elapsed();
        let response = response.map_err(|error| {
            tracing::debug!(%method, url, ?took, "no answer");
            let cause = Cause::of_send(error);
            // The plugin or the file may have other credentials by now.
            match &cause {
                Cause::Credentials(cause) if cause.is_invalid_token() => {
                    self.client.reject(generation, Rejection::Unauthorized);
                }
                Cause::Tls(problem) if problem.is_about_client() => {
                    self.client.reject(generation, Rejection::Handshake);
                }
                _ => {}
            }
            cause
        })?;
        let status = response.status();
        tracing::debug!(%method, url, status = status.as_u16(), ?took, "request");
        self.clock.observe(response.headers());
        self.page_size.count_answer();
        if status == StatusCode::UNAUTHORIZED {
            self.client.reject(generation, Rejection::Unauthorized);
        }
        Ok(response)
    }
}

/// Logs a request that got no answer in time, and returns the cause.
fn timed_out(method: &Method, path: &str, after: Duration) -> Cause {
    tracing::debug!(%method, path, ?after, "no answer in time");
    Cause::TimedOut { after }
}

/// kube's builder writes `?&` before the first parameter, and `?` if there are no parameters.
fn tidy_query(uri: &mut Uri) {
    let text = uri.to_string().replacen("?&", "?", 1);
    if let Ok(tidy) = text.trim_end_matches('?').parse() {
        *uri = tidy;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_tidy() {
        for (built, sent) in [("/a?&b=c&d=e", "/a?b=c&d=e"), ("/a?", "/a"), ("/a", "/a")] {
            let mut uri: Uri = built.parse().unwrap();
            tidy_query(&mut uri);
            assert_eq!(uri, sent);
        }
    }
}
