//! Why a window could not be measured, and what to do.

use crate::cluster::{Cluster, RequestError};
use crate::error;
use crate::problem::Problem;
use crate::traffic::prometheus::error::{PrometheusCause, SourceError};

/// Why a window could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The API server did not answer at the end of the window.
    #[error("{0}")]
    Away(RequestError),
    #[error(transparent)]
    Group(#[from] Problem),
}

impl From<RequestError> for MeterError {
    fn from(error: RequestError) -> Self {
        Self::Source(error.into())
    }
}

impl MeterError {
    /// Whether it may pass by itself.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Source(SourceError::Request(error)) => {
                error.is_unanswered() || error.is_transient()
            }
            Self::Source(SourceError::Prometheus(error)) => error.may_pass(),
            Self::Away(_) => true,
            Self::Group(_) => false,
        }
    }

    /// Says what to do.
    pub fn explain(self, cluster: &Cluster) -> Problem {
        match self {
            Self::Source(SourceError::Request(error)) => error::explain(cluster, &error),
            Self::Source(SourceError::Prometheus(error)) => match &error.cause {
                PrometheusCause::Forward(error) => error::explain(cluster, error),
                _ => error.problem(),
            },
            Self::Away(error) => Problem {
                // More time would not help.
                next: vec![
                    "the API server went away during the window, so its requests are lost"
                        .to_owned(),
                    "check the network, and run the command again".to_owned(),
                ],
                ..error::explain(cluster, &error)
            },
            Self::Group(problem) => problem,
        }
    }
}
