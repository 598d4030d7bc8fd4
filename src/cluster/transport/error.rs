//! The typed error of every request: why it failed, and whether it may have been applied.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use kube::core::request;
use serde::Deserialize;

use super::auth::credentials::CredentialsError;
use super::descriptors::limit_reached;
use super::tls_problem::TlsProblem;

pub type RequestResult<T> = Result<T, RequestError>;

/// A failed request. The text includes the cause, so `source` does not return it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{method} {path}: {cause}")]
pub struct RequestError {
    pub method: Method,
    /// The path without the query.
    pub path: String,
    pub cause: Cause,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum Cause {
    /// The server answered with an error.
    #[error("{message} (HTTP {code})")]
    Status {
        code: u16,
        reason: String,
        message: String,
        retry_after: Option<Duration>,
    },
    #[error("no answer within {} s", .after.as_secs_f32())]
    TimedOut { after: Duration },
    /// The connection could not be made, or it broke.
    #[error("{}", root_cause(source.as_ref()))]
    Unreachable {
        source: Arc<dyn Error + Send + Sync>,
    },
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// A certificate was not accepted, or the peer does not speak TLS.
    #[error(transparent)]
    Tls(TlsProblem),
    #[error("the answer cannot be read: {how}")]
    Unreadable { how: String },
    /// The server accepted a change and returned an object without it.
    #[error(
        "the API server accepted the change but did not keep {what}: an admission webhook or \
         policy undid it"
    )]
    Undone { what: &'static str },
    /// The request was not sent because it could not be built.
    #[error(transparent)]
    NotBuilt(Arc<request::Error>),
}

impl Cause {
    /// Whether the API server cannot serve a kind yet: its definition was just made, or the server
    /// has just started.
    pub fn is_initializing(&self) -> bool {
        matches!(self, Self::Status { code: 429, message, .. } if message.contains("storage is (re)initializing"))
    }

    /// Returns the cause of a failed connection.
    pub fn unreachable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unreachable {
            source: source.into().into(),
        }
    }

    /// Whether the server knows no such object, kind or version.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { code: 404, .. })
    }

    /// Whether the server does not know the path: it serves no such kind or version. A missing
    /// object has a reason.
    pub fn is_unknown_path(&self) -> bool {
        matches!(self, Self::Status { code: 404, reason, .. } if reason.is_empty())
    }

    /// Returns whether no connection could be opened because too many files are open.
    pub fn is_out_of_descriptors(&self) -> bool {
        let Self::Unreachable { source } = self else {
            return false;
        };
        let mut cause = Some(source.as_ref() as &(dyn Error + 'static));
        while let Some(error) = cause {
            if limit_reached(error).is_some() {
                return true;
            }
            cause = error.source();
        }
        false
    }

    pub fn unreadable(cause: &serde_json::Error) -> Self {
        Self::Unreadable {
            how: cause.to_string(),
        }
    }

    /// Returns the cause for an answer of which a part is larger than any that a server should send.
    pub fn too_large(what: &str, most: usize) -> Self {
        let most = most / (1024 * 1024);
        Self::Unreadable {
            how: format!("{what} has more than {most} MiB"),
        }
    }

    /// Returns why a request got no response.
    pub fn of_send(error: kube::Error) -> Self {
        if let Some(cause) = CredentialsError::find(&error) {
            return Self::Credentials(cause);
        }
        match TlsProblem::find(&error) {
            Some(problem) => Self::Tls(problem),
            None => Self::unreachable(error),
        }
    }
}

/// Returns the text of the innermost error. The outer errors only say that something failed.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    loop {
        // rustls adds a link to its own documentation when the peer closes the connection.
        if cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
        {
            return "the connection was cut".to_owned();
        }
        if let Some(words) = limit_reached(cause) {
            return words;
        }
        match cause.source() {
            Some(deeper) => cause = deeper,
            None => return cause.to_string(),
        }
    }
}

/// The body of a response with an error status.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StatusBody {
    pub code: u16,
    pub reason: String,
    pub message: String,
}

impl RequestError {
    pub fn new(method: &Method, path: &str, cause: Cause) -> Self {
        Self {
            method: method.clone(),
            path: path.split('?').next().unwrap_or_default().to_owned(),
            cause,
        }
    }

    /// Returns the HTTP status of the response.
    pub fn code(&self) -> Option<u16> {
        match self.cause {
            Cause::Status { code, .. } => Some(code),
            _ => None,
        }
    }

    pub fn is_unauthorized(&self) -> bool {
        self.code() == Some(401)
    }

    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    pub fn is_forbidden(&self) -> bool {
        self.code() == Some(403)
    }

    /// Returns what the API server said of a request that it forbids.
    pub fn forbidden_message(&self) -> Option<&str> {
        match &self.cause {
            Cause::Status {
                code: 403, message, ..
            } => Some(message),
            _ => None,
        }
    }

    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// Returns whether the resource version is too old to watch from.
    pub fn is_gone(&self) -> bool {
        self.code() == Some(410)
    }

    /// Returns whether the server refused the request, so that a retry alone cannot succeed: an
    /// admission webhook's denial is a 400, for example.
    pub fn is_refusal(&self) -> bool {
        match &self.cause {
            Cause::Undone { .. } => return true,
            // A webhook chooses the code of its denial.
            Cause::Status { message, .. } if message.contains("denied the request") => return true,
            _ => {}
        }
        let passes = |code: u16| matches!(code, 401 | 404 | 408 | 409 | 422 | 429);
        self.code()
            .is_some_and(|code| (400..500).contains(&code) && !passes(code))
    }

    /// Returns whether the server is overloaded or has an internal error. A retry may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self.code(), Some(429 | 500..))
    }

    /// Returns whether no response arrived: the connection broke, or the time limit passed.
    pub fn is_unanswered(&self) -> bool {
        matches!(
            self.cause,
            Cause::Unreachable { .. } | Cause::TimedOut { .. } | Cause::Tls(_)
        )
    }

    /// Returns whether the server may still have applied the request, or may apply it later.
    pub fn may_have_been_applied(&self) -> bool {
        match self.cause {
            Cause::Status { code, .. } => code >= 500,
            Cause::Credentials(_) | Cause::Tls(_) | Cause::NotBuilt(_) => false,
            Cause::TimedOut { .. }
            | Cause::Unreachable { .. }
            | Cause::Unreadable { .. }
            | Cause::Undone { .. } => true,
        }
    }

    /// Returns whether the object would become too large. Kubernetes shows only in its message that
    /// annotations are the reason of a 422.
    pub fn is_too_large(&self) -> bool {
        match &self.cause {
            Cause::Status { code: 413, .. } => true,
            Cause::Status {
                code: 422, message, ..
            } => message.contains("metadata.annotations: Too long"),
            _ => false,
        }
    }

    pub fn retry_after(&self) -> Option<Duration> {
        match self.cause {
            Cause::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_error_is_shown() {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "refused");
        let outer = kube::Error::Service(Box::new(refused));
        assert_eq!(Cause::of_send(outer).to_string(), "refused");
    }

    #[test]
    fn the_message_of_a_connection_that_the_peer_closes_is_shortened() {
        let eof = io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "no close_notify, see https://…",
        );
        assert_eq!(
            Cause::unreachable(eof).to_string(),
            "the connection was cut"
        );
    }

    #[test]
    fn the_denial_of_a_webhook_is_a_refusal_whatever_its_code() {
        let failed = |code, message: &str| {
            let cause = Cause::Status {
                code,
                reason: String::new(),
                message: message.to_owned(),
                retry_after: None,
            };
            RequestError::new(&Method::PATCH, "/x", cause).is_refusal()
        };
        for code in [400, 401, 403, 429, 500, 503] {
            let denial = "admission webhook \"frozen.example.org\" denied the request: frozen";
            assert!(failed(code, denial), "{code}");
        }
        let unreachable = "Internal error occurred: failed calling webhook \"a\": no route to host";
        assert!(!failed(500, unreachable));
        assert!(!failed(429, "too many requests"));
    }
}
