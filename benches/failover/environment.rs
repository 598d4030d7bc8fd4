//! The cluster that all rows share, and clients for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kube::Client;
use kube::config::Kubeconfig;
use tempfile::NamedTempFile;

use super::baseline::Baseline;
use super::fixture::Fixture;
use super::latency_proxy::LatencyProxy;
use super::requests::{CONTEXT, client};
use super::support::{Plugin, Running, Side, kubeconfig_with, plugin, share, started};

pub struct Environment {
    pub client: Client,
    pub kubeconfig: PathBuf,
    pub quick: bool,
    /// The latency that the proxy adds to each request.
    pub delay: Duration,
    fixtures: AtomicUsize,
}

impl Environment {
    pub async fn start(quick: bool, delay: Duration) -> Self {
        let kubeconfig = share(&[CONTEXT]).kubeconfig();
        let client = client(&kubeconfig).await;
        Self {
            client,
            kubeconfig,
            quick,
            delay,
            fixtures: AtomicUsize::new(0),
        }
    }

    /// Returns this size, or a small part of it in a quick run.
    pub fn size(&self, wanted: usize) -> usize {
        if self.quick {
            wanted.div_ceil(20)
        } else {
            wanted
        }
    }

    /// Creates groups in a new namespace.
    pub async fn fixture(&self, groups: usize, endpoints: usize) -> Fixture {
        let number = self.fixtures.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let fixture =
            Fixture::create(&self.client, &format!("bench-{number}"), groups, endpoints).await;
        if started.elapsed() > Duration::from_secs(5) {
            eprintln!(
                "# {groups} groups written in {:.0} s",
                started.elapsed().as_secs_f64()
            );
        }
        fixture
    }

    pub fn side(&self, fixture: &Fixture) -> Side {
        Side {
            context: CONTEXT,
            namespace: fixture.namespace.clone(),
            client: fixture.client.clone(),
        }
    }

    /// Returns a command of the plugin on these groups.
    pub fn plugin(&self, fixture: &Fixture, kubeconfig: &Path, args: &[&str]) -> Plugin {
        plugin()
            .args(args.to_vec())
            .on(&self.side(fixture))
            .kubeconfig(kubeconfig)
    }

    /// Starts `watch` and waits until it has synced.
    pub async fn watching(&self, fixture: &Fixture, kubeconfig: &Path) -> Running {
        started(self.plugin(fixture, kubeconfig, &["watch"])).await
    }

    pub fn baseline(&self, fixture: &Fixture, kubeconfig: &Path, connections: usize) -> Baseline {
        Baseline {
            kubeconfig: kubeconfig.to_owned(),
            namespace: fixture.namespace.clone(),
            connections,
        }
    }

    /// Starts a proxy that adds this latency, and a kubeconfig that uses it.
    pub fn latency_proxy(&self, delay: Duration) -> (LatencyProxy, NamedTempFile) {
        let config = Kubeconfig::read_from(&self.kubeconfig).expect("the kubeconfig can be read");
        let cluster = config
            .clusters
            .into_iter()
            .find(|cluster| cluster.name == CONTEXT);
        let server = cluster
            .and_then(|cluster| cluster.cluster?.server)
            .expect("the cluster has an address");
        let to: SocketAddr = server
            .trim_start_matches("https://")
            .parse()
            .expect("an address and a port");
        let line = LatencyProxy::start(to, delay);
        let file = kubeconfig_with(|config| {
            let clusters = config
                .clusters
                .iter_mut()
                .filter_map(|cluster| cluster.cluster.as_mut());
            clusters.for_each(|cluster| cluster.server = Some(format!("https://{}", line.address)));
        });
        (line, file)
    }
}
