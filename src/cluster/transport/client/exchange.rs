//! Sends requests: finds the served version of a kind, waits for a kind that was just defined, and
//! notices rejected credentials.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::ACCEPT;
use http::{HeaderValue, Method, Response, StatusCode, Uri};
use hyper::upgrade::Upgraded;
use kube::client::Body;
use kube::core::request;
use serde::de::DeserializeOwned;

use super::{BuiltRequest, Cluster};
use crate::cluster::transport::auth::refresh::Rejection;
use crate::cluster::transport::error::{Cause, RequestError, RequestResult};
use crate::cluster::transport::response::{body_of, refusal};
use crate::cluster::transport::served_versions::{GroupVersions, ResourceList, kind_of};
use crate::cluster::transport::websocket::WebSocketRequest;
use crate::resource::KindInfo;

/// How often to ask a server whose storage for a kind is initializing, and the pause between. Its
/// `Retry-After` is 1 s too. Together less than the time limit of a request.
const MAX_INITIALIZING_WAITS: usize = 7;
const INITIALIZING_INTERVAL: Duration = Duration::from_secs(1);

impl Cluster {
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

    /// Asks which version of a kind the server serves, if any.
    pub async fn served_version(&self, kind: &KindInfo) -> RequestResult<Option<&'static str>> {
        let path = format!("/apis/{}", kind.group());
        tokio::time::timeout(self.timeout, self.discover(kind))
            .await
            .unwrap_or_else(|_| Err(timed_out(&Method::GET, &path, self.timeout)))
            .map_err(|cause| RequestError::new(&Method::GET, &path, cause))
    }

    /// Sends a request and waits for the headers of the response. Returns an error for an error
    /// status. If the server does not serve the kind in the version of the path, the request is
    /// sent again with another version.
    pub(super) async fn exchange(
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
pub(super) fn timed_out(method: &Method, path: &str, after: Duration) -> Cause {
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
