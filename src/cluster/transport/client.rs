use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::Config;
use kube::client::Body;
use kube::config::AuthInfo;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::auth::credentials;
use super::auth::refresh::Renewal;
use super::connector;
use super::error::{Cause, RequestError, RequestResult, StatusBody};
use super::kubeconfig;
use super::kubeconfig::Resolved;
use super::options::ConnectOptions;
use super::page_size::PageSize;
use super::server_clock::ServerClock;
use crate::problem::Problem;
use crate::text::{ConnectionFlags, shorten, without_userinfo};

/// The time limit of one request where no flag says another.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for an answer with many objects.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);
/// `--request-timeout 0`: longer than anyone waits.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A server that asks for more patience than this is asked again all the same.
const LONGEST_WISH: Duration = Duration::from_secs(5 * 60);
/// The longest message of a server that is of use to anybody.
const LONGEST_MESSAGE: usize = 1000;

/// One cluster, as one user.
#[derive(Clone)]
pub struct Cluster {
    access: Arc<Renewal>,
    clock: Arc<ServerClock>,
    timeout: Duration,
    /// The limit where an answer has many objects.
    list_timeout: Duration,
    pub(crate) pages: Arc<PageSize>,
    /// Name of the context of the kubeconfig.
    pub context: String,
    /// The flags by which a command line reaches it.
    pub reach: ConnectionFlags,
    /// Address of the API server, as it may be shown.
    pub server: String,
    /// The namespace that is meant where none is named.
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
    /// Resolves the options and makes a client; asks the cluster nothing yet.
    ///
    /// # Errors
    /// A `Problem` where the kubeconfig can't be read or lacks what the options name.
    pub async fn connect(options: &ConnectOptions) -> anyhow::Result<Self> {
        let Resolved {
            config,
            context,
            is_made_up,
            user,
        } = kubeconfig::resolve(options).await?;
        let reach = options.flags((!is_made_up).then_some(context.as_str()));
        let url = config.cluster_url.clone();
        let cluster = Self::of_config(config, context, reach, user, options.request_timeout)?;
        let client = cluster.access.client().await.0;
        let access = Arc::new(Renewal::by(options, client, &cluster.context, url));
        Ok(Self { access, ..cluster })
    }

    /// A client for this configuration.
    pub(crate) fn of_config(
        config: Config,
        context: String,
        reach: ConnectionFlags,
        user: Option<String>,
        limit: Option<Duration>,
    ) -> Result<Self, Problem> {
        let server = without_userinfo(config.cluster_url.to_string().trim_end_matches('/'));
        let namespace = config.default_namespace.clone();
        let auth = config.auth_info.clone();
        let url = config.cluster_url.clone();
        let client =
            connector::client(config).map_err(|cause| unusable(&context, &auth, &cause))?;
        let asked = limit.map(|limit| if limit.is_zero() { NO_LIMIT } else { limit });
        let timeout = asked.unwrap_or(REQUEST_TIMEOUT);
        let list_timeout = asked.unwrap_or(LIST_TIMEOUT);
        let access = Arc::new(Renewal::never(client, url));
        let clock = Arc::default();
        Ok(Self {
            access,
            clock,
            timeout,
            list_timeout,
            pages: Arc::default(),
            context,
            reach,
            server,
            namespace,
            user,
        })
    }

    /// The API server's clock.
    pub fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// The time limit of one request.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The time limit of a request whose answer has many objects.
    pub(crate) fn list_timeout(&self) -> Duration {
        self.list_timeout
    }

    /// The same cluster with a shorter time limit of each request.
    #[must_use]
    pub fn limited(&self, limit: Duration) -> Self {
        Self {
            timeout: self.timeout.min(limit),
            list_timeout: self.list_timeout.min(limit),
            ..self.clone()
        }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> RequestResult<T> {
        let answer = self.ask(Call::new(Method::GET, path), self.timeout).await?;
        read_json(Method::GET, path, &answer)
    }

    /// Gets many objects at once, with a longer limit.
    pub async fn get_many<T: DeserializeOwned>(&self, path: &str) -> RequestResult<T> {
        let answer = self
            .ask(Call::new(Method::GET, path), self.list_timeout)
            .await?;
        read_json(Method::GET, path, &answer)
    }

    pub async fn create<T: DeserializeOwned>(
        &self,
        path: &str,
        object: &impl Serialize,
    ) -> RequestResult<T> {
        let call = Call::new(Method::POST, path).body("application/json", object)?;
        let answer = self.ask(call, self.timeout).await?;
        read_json(Method::POST, path, &answer)
    }

    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        patch: &impl Serialize,
    ) -> RequestResult<T> {
        let call = Call::new(Method::PATCH, path).body("application/json-patch+json", patch)?;
        let answer = self.ask(call, self.timeout).await?;
        read_json(Method::PATCH, path, &answer)
    }

    pub async fn replace<T: DeserializeOwned>(
        &self,
        path: &str,
        object: &impl Serialize,
    ) -> RequestResult<T> {
        let call = Call::new(Method::PUT, path).body("application/json", object)?;
        let answer = self.ask(call, self.timeout).await?;
        read_json(Method::PUT, path, &answer)
    }

    /// Opens an answer that goes on; the limit holds for its headers only.
    pub(crate) async fn open(&self, path: &str) -> RequestResult<Response<Body>> {
        let call = Call::new(Method::GET, path);
        let (method, path) = (call.method.clone(), call.path.clone());
        match tokio::time::timeout(self.timeout, self.exchange(call)).await {
            Ok(answer) => answer,
            Err(_) => Err(failure(
                &method,
                &path,
                Cause::TimedOut {
                    after: self.timeout,
                },
            )),
        }
    }

    async fn ask(&self, call: Call, limit: Duration) -> RequestResult<Bytes> {
        let (method, path) = (call.method.clone(), call.path.clone());
        let headers = self.timeout.min(limit);
        let whole = async {
            let response = tokio::time::timeout(headers, self.exchange(call)).await;
            let late = |_| failure(&method, &path, Cause::TimedOut { after: headers });
            let response = response.map_err(late)??;
            let body = response.into_body().collect().await;
            body.map(http_body_util::Collected::to_bytes)
                .map_err(|cause| {
                    failure(
                        &method,
                        &path,
                        Cause::Unreachable {
                            how: in_words(&cause),
                        },
                    )
                })
        };
        match tokio::time::timeout(limit, whole).await {
            Ok(answer) => answer,
            Err(_) => Err(failure(&method, &path, Cause::TimedOut { after: limit })),
        }
    }

    /// One request and the headers of its answer; an answer that is no success becomes an error.
    async fn exchange(&self, call: Call) -> RequestResult<Response<Body>> {
        let (method, path) = (call.method.clone(), call.path.clone());
        let started = Instant::now();
        let (client, number) = self.access.client().await;
        let answer = client.send(call.into_request()?).await;
        let took = started.elapsed();
        let response = answer.map_err(|cause| {
            tracing::debug!(%method, url = self.server.clone() + &path, ?took, "no answer");
            // The program or the file may have a better one by now.
            if credentials::failure(&cause).is_some_and(credentials::is_malformed) {
                self.access.refused(number);
            }
            failure(&method, &path, no_answer(&cause))
        })?;
        let status = response.status();
        tracing::debug!(%method, url = self.server.clone() + &path, status = status.as_u16(), ?took, "request");
        self.clock.hear(response.headers());
        self.pages.take_in_answer();
        if status.is_success() {
            return Ok(response);
        }
        if status == StatusCode::UNAUTHORIZED {
            self.access.refused(number);
        }
        let retry_after = retry_after(response.headers());
        let body = response
            .into_body()
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let said: StatusBody = serde_json::from_slice(&body).unwrap_or_default();
        let message = if said.message.is_empty() {
            status.to_string()
        } else {
            said.message
        };
        let message = shorten(&message, LONGEST_MESSAGE);
        let cause = Cause::Status {
            code: status.as_u16(),
            reason: said.reason,
            message,
            retry_after,
        };
        Err(failure(&method, &path, cause))
    }
}

struct Call {
    method: Method,
    path: String,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

impl Call {
    fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            content_type: None,
            body: Vec::new(),
        }
    }

    fn body(self, content_type: &'static str, body: &impl Serialize) -> RequestResult<Self> {
        match serde_json::to_vec(body) {
            Ok(body) => Ok(Self {
                content_type: Some(content_type),
                body,
                ..self
            }),
            Err(cause) => Err(failure(
                &self.method,
                &self.path,
                Cause::Unreadable {
                    how: cause.to_string(),
                },
            )),
        }
    }

    fn into_request(self) -> RequestResult<Request<Body>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(ACCEPT, "application/json");
        if let Some(content_type) = self.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        request.body(Body::from(self.body)).map_err(|cause| {
            failure(
                &self.method,
                &self.path,
                Cause::Unreadable {
                    how: cause.to_string(),
                },
            )
        })
    }
}

pub(crate) fn failure(method: &Method, path: &str, cause: Cause) -> RequestError {
    let path = path.split('?').next().unwrap_or_default().to_owned();
    RequestError {
        method: method.clone(),
        path,
        cause,
    }
}

fn read_json<T: DeserializeOwned>(method: Method, path: &str, body: &[u8]) -> RequestResult<T> {
    serde_json::from_slice(body).map_err(|cause| {
        failure(
            &method,
            path,
            Cause::Unreadable {
                how: cause.to_string(),
            },
        )
    })
}

pub(crate) fn unreadable(path: &str, cause: &serde_json::Error) -> RequestError {
    failure(
        &Method::GET,
        path,
        Cause::Unreadable {
            how: cause.to_string(),
        },
    )
}

/// A context that can't even be tried.
fn unusable(context: &str, auth: &AuthInfo, cause: &kube::Error) -> Problem {
    match credentials::failure(cause) {
        Some(cause) => {
            let how = credentials::in_words(cause, Some(auth));
            let problem = Problem::new(format!(
                "can't get credentials for context {context:?}: {how}"
            ));
            if credentials::is_malformed(cause) && auth.exec.is_none() {
                return problem
                    .next("write it as one line, in --token or where the kubeconfig has it")
                    .next("see where that is: kubectl config view");
            }
            problem
                .next("log in again, or run that program by itself to see what is wrong")
                .next("see how it is called: kubectl config view")
        }
        None => {
            let how = without_userinfo(&cause.to_string());
            Problem::new(format!("context {context:?} cannot be used: {how}"))
                .next("check its certificates and credentials with: kubectl config view")
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WISH))
}

fn no_answer(cause: &kube::Error) -> Cause {
    match credentials::failure(cause) {
        Some(cause) => Cause::Credentials {
            how: credentials::in_words(cause, None),
        },
        None => Cause::Unreachable {
            how: in_words(cause),
        },
    }
}

/// The last cause of an error: the outer ones only say that something failed.
pub(crate) fn in_words(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let words = cause.to_string();
    // The TLS library's words for it end in a link to its own documentation.
    if words.starts_with("peer closed connection") {
        "the connection was cut".to_owned()
    } else {
        words
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn wish(value: HeaderValue) -> Option<Duration> {
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
    }

    proptest! {
        #[test]
        fn seconds_are_a_wish_up_to_a_limit(seconds in any::<u64>()) {
            let wished = wish(seconds.into());
            prop_assert_eq!(wished, Some(Duration::from_secs(seconds).min(LONGEST_WISH)));
        }

        #[test]
        fn any_bytes_are_no_wish_or_one_within_the_limit(bytes in any::<Vec<u8>>()) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                prop_assert!(wish(value).is_none_or(|wish| wish <= LONGEST_WISH));
            }
        }
    }
}
