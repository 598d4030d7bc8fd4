//! The Authorization header of requests. Its source may be a credential plugin, which can take any
//! time. A request waits no longer than its own time limit, but the plugin continues to run for
//! later requests.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, ready};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use kube::client::Body;
use parking_lot::Mutex;
use tokio::time::Instant;
use tower::filter::AsyncPredicate;
use tower::{BoxError, ServiceExt as _};

use super::token::HeaderSource;

/// After a failure, credentials are not requested for this time: a plugin may need a person to log
/// in.
pub const CREDENTIALS_RETRY_INTERVAL: Duration = Duration::from_secs(10);

type HeaderResult = Result<Option<HeaderValue>, NoCredentials>;
type PendingHeader = Shared<BoxFuture<'static, HeaderResult>>;

/// Adds the Authorization header to requests.
#[derive(Clone)]
pub struct AuthorizationFilter {
    source: HeaderSource,
    state: Arc<Mutex<HeaderState>>,
}

#[derive(Default)]
struct HeaderState {
    pending: Option<PendingHeader>,
    last_failure: Option<(Instant, NoCredentials)>,
}

/// The header could not be obtained. Several requests may share one failure.
#[derive(Debug, Clone)]
struct NoCredentials(Arc<BoxError>);

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no credentials")
    }
}

impl Error for NoCredentials {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref().as_ref())
    }
}

impl AuthorizationFilter {
    fn header(&self) -> PendingHeader {
        let mut state = self.state.lock();
        if let Some(pending) = &state.pending
            && pending.peek().is_none()
        {
            return pending.clone();
        }
        if let Some((at, failure)) = &state.last_failure
            && at.elapsed() < CREDENTIALS_RETRY_INTERVAL
        {
            return ready(Err(failure.clone())).boxed().shared();
        }
        let answer = self.source.clone().oneshot(Request::new(Body::empty()));
        let mut header = answer.map(|answer| answer.map(Response::into_body)).boxed();
        if let Some(result) = (&mut header).now_or_never() {
            return ready(state.note(result)).boxed().shared();
        }
        // Detached, so that it outlives the request that started it: the plugin's result serves
        // later requests. At most one runs for each client.
        let this = self.clone();
        let task = tokio::spawn(async move {
            let result = header.await;
            this.state.lock().note(result)
        });
        let panicked = |cause| Err(NoCredentials(Arc::new(BoxError::from(cause))));
        let pending = task
            .map(move |result| result.unwrap_or_else(panicked))
            .boxed()
            .shared();
        state.pending.insert(pending).clone()
    }
}

impl From<HeaderSource> for AuthorizationFilter {
    fn from(source: HeaderSource) -> Self {
        Self {
            source,
            state: Arc::default(),
        }
    }
}

impl HeaderState {
    fn note(&mut self, result: Result<Option<HeaderValue>, BoxError>) -> HeaderResult {
        let result = result.map_err(|cause| NoCredentials(Arc::new(cause)));
        let failure = result.as_ref().err().cloned();
        self.last_failure = failure.map(|failure| (Instant::now(), failure));
        result
    }
}

impl AsyncPredicate<Request<Body>> for AuthorizationFilter {
    type Future = BoxFuture<'static, Result<Request<Body>, BoxError>>;
    type Request = Request<Body>;

    fn check(&mut self, mut request: Request<Body>) -> Self::Future {
        let header = self.header();
        async move {
            if let Some(header) = header.await? {
                request.headers_mut().insert(AUTHORIZATION, header);
            }
            Ok(request)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::{advance, timeout};
    use tower::service_fn;
    use tower::util::BoxCloneSyncService;

    use super::*;

    const TEST_TIMEOUT: Duration = Duration::from_secs(5);

    /// A source that is slower than the time limit of requests and fails this many times at first.
    /// Counts its calls.
    fn slow(failures: u32) -> (AuthorizationFilter, Arc<AtomicU32>) {
        let asked = Arc::<AtomicU32>::default();
        let count = Arc::clone(&asked);
        let give = move |_: Request<Body>| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(TEST_TIMEOUT * 3).await;
                if number < failures {
                    Err(BoxError::from("not now"))
                } else {
                    Ok(Response::new(HeaderValue::from_str("it").ok()))
                }
            }
        };
        (
            AuthorizationFilter::from(BoxCloneSyncService::new(service_fn(give))),
            asked,
        )
    }

    async fn request(
        authorization: &mut AuthorizationFilter,
    ) -> Result<Result<Request<Body>, BoxError>, ()> {
        timeout(
            TEST_TIMEOUT,
            authorization.check(Request::new(Body::empty())),
        )
        .await
        .map_err(drop)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_plugin_serves_later_requests() {
        let (mut authorization, asked) = slow(0);
        assert!(request(&mut authorization).await.is_err());
        assert!(request(&mut authorization).await.is_err());
        advance(TEST_TIMEOUT).await;
        let answered = authorization
            .check(Request::new(Body::empty()))
            .await
            .unwrap();
        assert_eq!(answered.headers()[AUTHORIZATION], "it");
        assert!(asked.load(Ordering::Relaxed) <= 2, "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_the_source_is_not_called_for_a_while() {
        let (mut authorization, asked) = slow(1);
        assert!(
            authorization
                .check(Request::new(Body::empty()))
                .await
                .is_err()
        );
        assert!(request(&mut authorization).await.unwrap().is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        advance(CREDENTIALS_RETRY_INTERVAL).await;
        assert!(request(&mut authorization).await.is_err());
        assert!(
            authorization
                .check(Request::new(Body::empty()))
                .await
                .is_ok()
        );
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
