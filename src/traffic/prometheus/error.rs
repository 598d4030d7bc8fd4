//! Why Prometheus has no numbers, and what to do.

use std::time::Duration;

use http::StatusCode;

use super::selectors::JOB;
use crate::cluster::RequestError;
use crate::cluster::transport::error::Cause;
use crate::problem::{Problem, more_time};
use crate::text::clean;
use crate::traffic::pod_http::PodHttpError;

/// Why a source has no numbers.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Prometheus(#[from] PrometheusError),
}

/// Prometheus has no numbers.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct PrometheusError {
    /// Which Prometheus.
    pub place: String,
    pub cause: PrometheusCause,
}

#[derive(Debug, thiserror::Error)]
pub enum PrometheusCause {
    /// The API server does not forward to it.
    #[error("{}", .0.cause)]
    Forward(RequestError),
    #[error("{}", .why.as_deref().unwrap_or("the connection was cut"))]
    Cut { why: Option<String> },
    /// There is no connection to its URL.
    #[error("{0}")]
    Unreachable(Cause),
    #[error("no answer within {} s", .after.as_secs_f32())]
    TimedOut { after: Duration },
    #[error("it answered with HTTP {0}")]
    Status(StatusCode),
    /// Prometheus's own error.
    #[error("it answered with HTTP {status}: {message}")]
    Query { status: StatusCode, message: String },
    #[error("its answer is not the JSON of Prometheus: {how}")]
    Unreadable { how: String },
    #[error("it has no metrics of these clients' proxies (namespace {namespaces})")]
    NoProxies { namespaces: String },
    #[error("it has no two scrapes of the proxies that are {} s apart", .window.as_secs_f32())]
    TooFewScrapes { window: Duration },
}

impl From<PodHttpError> for PrometheusCause {
    fn from(error: PodHttpError) -> Self {
        match error {
            PodHttpError::Request(error) => Self::Forward(error),
            PodHttpError::Cut { why } => Self::Cut { why },
        }
    }
}

impl From<Cause> for PrometheusCause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::TimedOut { after } => Self::TimedOut { after },
            Cause::Unreadable { how } => Self::Unreadable { how },
            cause => Self::Unreachable(cause),
        }
    }
}

impl PrometheusError {
    /// Whether it may pass by itself.
    pub fn may_pass(&self) -> bool {
        match &self.cause {
            PrometheusCause::Forward(error) => error.is_unanswered() || error.is_transient(),
            PrometheusCause::Unreachable(cause) => matches!(cause, Cause::Unreachable { .. }),
            PrometheusCause::Cut { .. } | PrometheusCause::TimedOut { .. } => true,
            PrometheusCause::Status(status) | PrometheusCause::Query { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            PrometheusCause::Unreadable { .. }
            | PrometheusCause::NoProxies { .. }
            | PrometheusCause::TooFewScrapes { .. } => false,
        }
    }

    /// Says what to do.
    pub fn problem(&self) -> Problem {
        let problem = Problem::new(clean(&self.to_string()));
        match &self.cause {
            PrometheusCause::Unreachable(Cause::Tls(cause)) if cause.is_about_server() => problem
                .next(
                    "name the certificate authority that issued its certificate with \
                     --prometheus-ca-file",
                ),
            PrometheusCause::Unreachable(Cause::Tls(_)) => {
                problem.next("check the URL; without TLS, write http://")
            }
            PrometheusCause::Unreachable(_) | PrometheusCause::Cut { .. } => problem.next(
                "check that it runs and can be reached, or ask the proxies: --source proxies",
            ),
            PrometheusCause::TimedOut { after } => problem.next(match more_time(*after) {
                Some(how) => format!("{how}, or ask the proxies: --source proxies"),
                None => "ask the proxies: --source proxies".to_owned(),
            }),
            PrometheusCause::Status(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                problem.next("name a file with a valid bearer token with --prometheus-token-file")
            }
            PrometheusCause::Status(StatusCode::NOT_FOUND) => problem.next(
                "name the URL below which its API is, such as https://example.org/prometheus",
            ),
            PrometheusCause::Unreadable { .. } => problem.next(
                "it is perhaps not a Prometheus, or behind a login: check the URL, and name a file with \
                 a bearer token with --prometheus-token-file if it needs one",
            ),
            PrometheusCause::NoProxies { .. } => problem.next(format!(
                "have it scrape the proxies in a job {JOB:?}, as \
                 https://linkerd.io/2/tasks/external-prometheus/ has it, or ask the proxies: \
                 --source proxies"
            )),
            PrometheusCause::TooFewScrapes { .. } => problem.next(
                "choose a --window that is at least as long as its scrape interval, and not longer \
                 than it has scraped them, or ask the proxies: --source proxies",
            ),
            _ => problem,
        }
    }
}
