use std::time::Duration;

use serde::Deserialize;

pub type RequestResult<T> = Result<T, RequestError>;

/// A request that did not give what was asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{method} {path}: {cause}")]
pub struct RequestError {
    pub method: http::Method,
    /// Path without the query.
    pub path: String,
    pub cause: Cause,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum Cause {
    #[error("{message} (HTTP {code})")]
    Status {
        code: u16,
        reason: String,
        message: String,
        retry_after: Option<Duration>,
    },
    #[error("no answer within {} s", .after.as_secs_f32())]
    TimedOut { after: Duration },
    /// No connection, or one that broke.
    #[error("{how}")]
    Unreachable { how: String },
    /// The credentials could not be had.
    #[error("{how}")]
    Credentials { how: String },
    #[error("the answer cannot be read: {how}")]
    Unreadable { how: String },
}

/// The body of an answer that is no success.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StatusBody {
    pub code: u16,
    pub reason: String,
    pub message: String,
}

impl RequestError {
    pub fn code(&self) -> Option<u16> {
        match self.cause {
            Cause::Status { code, .. } => Some(code),
            _ => None,
        }
    }

    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    pub fn is_forbidden(&self) -> bool {
        self.code() == Some(403)
    }

    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// The resource version asked for is too old to watch from.
    pub fn is_gone(&self) -> bool {
        self.code() == Some(410)
    }

    /// Whether it is a passing trouble of a server that answers: too many requests, or a fault of its own.
    pub fn may_pass(&self) -> bool {
        matches!(self.code(), Some(429 | 500..))
    }

    /// Whether no answer came: the connection broke, or took too long.
    pub fn is_about_the_line(&self) -> bool {
        matches!(
            self.cause,
            Cause::Unreachable { .. } | Cause::TimedOut { .. }
        )
    }

    /// Whether what was asked for may have been done all the same, or may still be.
    pub fn may_be_done(&self) -> bool {
        match self.cause {
            Cause::Status { code, .. } => code >= 500,
            Cause::Credentials { .. } => false,
            Cause::TimedOut { .. } | Cause::Unreachable { .. } | Cause::Unreadable { .. } => true,
        }
    }

    pub fn retry_after(&self) -> Option<Duration> {
        match self.cause {
            Cause::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}
