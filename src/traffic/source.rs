//! Where the numbers of `traffic` come from. Another source is another variant: for one window, it
//! returns the requests to each backend of each group.

use std::time::Duration;

use super::proxies::ProxySource;
use crate::cluster::RequestResult;
use crate::model::ServiceRef;
use crate::model::traffic::Traffic;

#[derive(Debug)]
pub enum Source {
    /// The clients' proxies, by port-forward.
    Proxies(ProxySource),
}

impl Source {
    /// Returns the name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Proxies(_) => "proxies",
        }
    }

    /// Waits for the end of a window, and returns the requests since its beginning. That is the end
    /// of the last window, if there was one. Returns one entry for each group, in their order.
    ///
    /// # Errors
    /// If nothing can be counted: the user lacks a right, or the cluster does not answer.
    pub async fn measure(&mut self, window: Duration) -> RequestResult<Vec<Traffic>> {
        match self {
            Self::Proxies(source) => source.measure(window).await,
        }
    }

    /// Returns how many running pods of a backend are meshed, and how many there are. None if it
    /// has no pods here, or nobody knows.
    pub fn meshed(&self, backend: &ServiceRef) -> Option<(usize, usize)> {
        match self {
            Self::Proxies(source) => source.meshed(backend),
        }
    }
}
