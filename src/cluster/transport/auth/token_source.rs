//! The Authorization header of requests. A program may have to run for it, which takes as long as it takes: a request
//! waits no longer than its own limit, but the program goes on for those that come after.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, ready};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use kube::Config;
use kube::client::Body;
use kube::config::AuthInfo;
use tokio::time::Instant;
use tower::filter::AsyncPredicate;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceExt as _};

use super::token;

/// After a failure nothing is asked for so long: it may take a program, and a person.
pub const PAUSE: Duration = Duration::from_secs(10);

/// What gives the header.
pub type HeaderSource = BoxCloneSyncService<Request<Body>, Response<Option<HeaderValue>>, BoxError>;
type Outcome = Result<Option<HeaderValue>, Unavailable>;
type Asked = Shared<BoxFuture<'static, Outcome>>;

/// Adds the header to requests.
#[derive(Clone)]
pub struct Authorization {
    giver: HeaderSource,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    under_way: Option<Asked>,
    failed: Option<(Instant, Unavailable)>,
}

/// The header could not be had. Many requests may be told of one failure.
#[derive(Debug, Clone)]
struct Unavailable(Arc<BoxError>);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no credentials")
    }
}

impl Error for Unavailable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref().as_ref())
    }
}

impl Authorization {
    /// Takes what gives the header out of a configuration; none where it needs none. Blocks while a program runs.
    pub fn take(config: &mut Config) -> kube::Result<Option<Self>> {
        token::trim(&mut config.auth_info)?;
        let giver = match token::file(&config.auth_info) {
            Some(file) => Some(token::of_file(file)?),
            None => token::by_kube(config)?,
        };
        let Some(giver) = giver else { return Ok(None) };
        // Left there, it would be asked for once more, by whatever looks for a client certificate.
        let AuthInfo {
            username,
            password,
            token,
            token_file,
            exec,
            auth_provider,
            ..
        } = &mut config.auth_info;
        (*username, *password, *token, *token_file) = (None, None, None, None);
        (*exec, *auth_provider) = (None, None);
        Ok(Some(Self::from(giver)))
    }

    fn ask(&self) -> Asked {
        let mut state = self.state();
        if let Some(asked) = state
            .under_way
            .as_ref()
            .filter(|asked| asked.peek().is_none())
        {
            return asked.clone();
        }
        if let Some((at, failure)) = &state.failed
            && at.elapsed() < PAUSE
        {
            return ready(Err(failure.clone())).boxed().shared();
        }
        let asking = self.giver.clone().oneshot(Request::new(Body::empty()));
        let mut asking = asking.map(|answer| answer.map(Response::into_body)).boxed();
        if let Some(outcome) = (&mut asking).now_or_never() {
            return ready(state.note(outcome)).boxed().shared();
        }
        let this = self.clone();
        let task = tokio::spawn(async move {
            let outcome = asking.await;
            this.state().note(outcome)
        });
        let lost = |cause| Err(Unavailable(Arc::new(BoxError::from(cause))));
        let asked = task
            .map(move |outcome| outcome.unwrap_or_else(lost))
            .boxed()
            .shared();
        state.under_way.insert(asked).clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<HeaderSource> for Authorization {
    fn from(giver: HeaderSource) -> Self {
        Self {
            giver,
            state: Arc::default(),
        }
    }
}

impl State {
    fn note(&mut self, outcome: Result<Option<HeaderValue>, BoxError>) -> Outcome {
        let outcome = outcome.map_err(|cause| Unavailable(Arc::new(cause)));
        self.failed = outcome
            .as_ref()
            .err()
            .map(|failure| (Instant::now(), failure.clone()));
        outcome
    }
}

impl AsyncPredicate<Request<Body>> for Authorization {
    type Future = BoxFuture<'static, Result<Request<Body>, BoxError>>;
    type Request = Request<Body>;

    fn check(&mut self, mut request: Request<Body>) -> Self::Future {
        let asked = self.ask();
        async move {
            if let Some(header) = asked.await? {
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

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    /// What takes longer than a request may, and fails so often at first; and how often it was asked.
    fn slow(failures: u32) -> (Authorization, Arc<AtomicU32>) {
        let asked = Arc::<AtomicU32>::default();
        let count = Arc::clone(&asked);
        let give = move |_: Request<Body>| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(LIMIT * 3).await;
                if number < failures {
                    Err(BoxError::from("not now"))
                } else {
                    Ok(Response::new(HeaderValue::from_str("it").ok()))
                }
            }
        };
        (
            Authorization::from(BoxCloneSyncService::new(service_fn(give))),
            asked,
        )
    }

    async fn request(
        authorization: &mut Authorization,
    ) -> Result<Result<Request<Body>, BoxError>, ()> {
        timeout(LIMIT, authorization.check(Request::new(Body::empty())))
            .await
            .map_err(drop)
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_is_slower_than_requests_may_be_gives_its_answer_to_later_ones() {
        let (mut authorization, asked) = slow(0);
        assert!(request(&mut authorization).await.is_err());
        assert!(request(&mut authorization).await.is_err());
        advance(LIMIT).await;
        let answered = authorization
            .check(Request::new(Body::empty()))
            .await
            .unwrap();
        assert_eq!(answered.headers()[AUTHORIZATION], "it");
        assert!(asked.load(Ordering::Relaxed) <= 2, "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_nothing_is_asked_for_a_while() {
        let (mut authorization, asked) = slow(1);
        assert!(
            authorization
                .check(Request::new(Body::empty()))
                .await
                .is_err()
        );
        assert!(request(&mut authorization).await.unwrap().is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        advance(PAUSE).await;
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
