//! Where the numbers of `traffic` come from. Another source is another variant: for one window, it
//! returns the requests to each backend of each group.

use std::time::Duration;

use super::prometheus::PrometheusSource;
use super::prometheus::error::SourceError;
use super::proxies::ProxySource;
use crate::model::ServiceRef;
use crate::model::traffic::Traffic;

#[derive(Debug)]
pub enum Source {
    /// The clients' proxies, by port-forward.
    Proxies(Box<ProxySource>),
    /// A Prometheus that scrapes them.
    Prometheus(Box<PrometheusSource>),
}

impl Source {
    /// Returns the name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Proxies(_) => "proxies",
            Self::Prometheus(_) => "prometheus",
        }
    }

    /// Returns the clients' proxies, whoever counts their requests.
    pub fn clients(&self) -> &ProxySource {
        match self {
            Self::Proxies(clients) => clients,
            Self::Prometheus(source) => source.clients(),
        }
    }

    /// Returns who counts the requests, if not the proxies themselves.
    pub fn counted_by(&self) -> Option<String> {
        match self {
            Self::Proxies(_) => None,
            Self::Prometheus(source) => Some(source.name()),
        }
    }

    /// Waits for the end of a window, and returns the requests since its beginning. For the proxies,
    /// that is the end of the last window, if there was one. Prometheus knows what was before: its
    /// first window has just ended, and later ones overlap. Returns one entry for each group, in
    /// their order.
    ///
    /// # Errors
    /// If nothing can be counted: the user lacks a right, or the cluster does not answer.
    pub async fn measure(&mut self, window: Duration) -> Result<Vec<Traffic>, SourceError> {
        match self {
            Self::Proxies(source) => Ok(source.measure(window).await?),
            Self::Prometheus(source) => source.measure(window).await,
        }
    }

    /// Returns how many running pods of a backend are meshed, and how many there are. None if it
    /// has no pods here, or nobody knows.
    pub fn meshed(&self, backend: &ServiceRef) -> Option<(usize, usize)> {
        match self {
            Self::Proxies(source) => source.meshed(backend),
            Self::Prometheus(source) => source.meshed(backend),
        }
    }
}
