//! The source `prometheus`: asks a Prometheus that scrapes all proxies, linkerd-viz's for example,
//! what was counted during the last window.

pub mod answer;
pub mod endpoint;
pub mod error;
pub mod query;
mod selectors;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::answer::counted;
use self::endpoint::PrometheusEndpoint;
use self::error::{PrometheusCause, PrometheusError, SourceError};
use self::query::promql;
use self::selectors::QueryScope;
use super::proxies::ProxySource;
use crate::cluster::Cluster;
use crate::model::ServiceRef;
use crate::model::traffic::{Clients, Traffic};

/// The default window, that of `linkerd viz stat`. linkerd-viz scrapes every 10 s.
pub const PROMETHEUS_WINDOW: Duration = Duration::from_secs(60);
/// How often to ask for the last window again, if it is not shorter. The last scrape may also be as
/// old as that.
pub const QUERY_INTERVAL: Duration = Duration::from_secs(10);

/// A Prometheus, and the clients of a group.
#[derive(Debug)]
pub struct PrometheusSource {
    cluster: Cluster,
    endpoint: PrometheusEndpoint,
    /// Knows the clients. They are not asked.
    clients: ProxySource,
    asked: Option<Instant>,
}

impl PrometheusSource {
    pub fn new(cluster: &Cluster, endpoint: PrometheusEndpoint, clients: ProxySource) -> Self {
        Self {
            cluster: cluster.clone(),
            endpoint,
            clients,
            asked: None,
        }
    }

    /// Returns the name of the Prometheus for people.
    pub fn name(&self) -> String {
        self.endpoint.name()
    }

    pub(super) fn clients(&self) -> &ProxySource {
        &self.clients
    }

    pub(super) fn meshed(&self, backend: &ServiceRef) -> Option<(usize, usize)> {
        self.clients.meshed(backend)
    }

    /// Returns what was counted during the window that ends with the last scrape. Asks at once for
    /// the first time, and then after a while.
    pub(super) async fn measure(&mut self, window: Duration) -> Result<Vec<Traffic>, SourceError> {
        if let Some(asked) = self.asked {
            sleep_until(asked + window.min(QUERY_INTERVAL)).await;
        }
        self.asked = Some(Instant::now());
        self.clients.relist().await?;
        let counted = self.query(window).await;
        Ok(counted.map_err(|cause| PrometheusError {
            place: self.endpoint.place(),
            cause,
        })?)
    }

    async fn query(&mut self, window: Duration) -> Result<Vec<Traffic>, PrometheusCause> {
        let clients = &self.clients;
        let scope = QueryScope {
            namespaces: clients.namespaces(),
            pods: clients.selected(),
            window,
            created: clients.created(),
        };
        let promql = promql(clients.groups(), &scope);
        let (status, body) = self.endpoint.query(&self.cluster, &promql).await?;
        let counted = counted(clients.groups(), status, &body)?;
        if counted.pods == 0 {
            let namespaces: Vec<&str> = clients.namespaces().iter().map(String::as_str).collect();
            return Err(PrometheusCause::NoProxies {
                namespaces: namespaces.join(", "),
            });
        }
        let Some(seconds) = counted.seconds else {
            return Err(PrometheusCause::TooFewScrapes { window });
        };
        let (_, pods) = clients.coverage();
        let traffic = counted.groups.into_iter().map(|group| Traffic {
            backends: group.traffic.backends,
            refused: group.traffic.refused,
            seconds,
            clients: Clients {
                pods: pods.max(counted.pods),
                asked: counted.pods,
                unmeshed: clients.unmeshed(),
                are_named: clients.are_named(),
                senders: group.senders,
                older_than_group: group.older,
                ..Clients::default()
            },
        });
        Ok(traffic.collect())
    }
}
