//! The cluster that all rows share, and the ways to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kube::Client;
use kube::config::Kubeconfig;
use tempfile::NamedTempFile;

use super::bare::Bare;
use super::estate::Estate;
use super::requests::{CONTEXT, client};
use super::slow_line::SlowLine;
use super::support::{Plugin, Running, Side, kubeconfig_with, plugin, share, started};

pub struct World {
    pub client: Client,
    pub kubeconfig: PathBuf,
    pub quick: bool,
    /// What a slow line adds to each request.
    pub delay: Duration,
    estates: AtomicUsize,
}

impl World {
    pub async fn start(quick: bool, delay: Duration) -> Self {
        let kubeconfig = share(&[CONTEXT]).kubeconfig();
        let client = client(&kubeconfig).await;
        Self {
            client,
            kubeconfig,
            quick,
            delay,
            estates: AtomicUsize::new(0),
        }
    }

    /// A size as it is wanted, or a small part of it.
    pub fn size(&self, wanted: usize) -> usize {
        if self.quick {
            wanted.div_ceil(20)
        } else {
            wanted
        }
    }

    /// Groups in a new namespace.
    pub async fn estate(&self, groups: usize, endpoints: usize) -> Estate {
        let number = self.estates.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let estate =
            Estate::create(&self.client, &format!("bench-{number}"), groups, endpoints).await;
        if started.elapsed() > Duration::from_secs(5) {
            eprintln!(
                "# {groups} groups written in {:.0} s",
                started.elapsed().as_secs_f64()
            );
        }
        estate
    }

    pub fn side(&self, estate: &Estate) -> Side {
        Side {
            context: CONTEXT,
            namespace: estate.namespace.clone(),
            client: estate.client.clone(),
        }
    }

    /// The plugin, about to be run on these groups.
    pub fn plugin(&self, estate: &Estate, kubeconfig: &Path, args: &[&str]) -> Plugin {
        plugin()
            .args(args.to_vec())
            .on(&self.side(estate))
            .kubeconfig(kubeconfig)
    }

    /// `watch` from when it knows its groups and has shown that it moves them.
    pub async fn watching(&self, estate: &Estate, kubeconfig: &Path) -> Running {
        started(self.plugin(estate, kubeconfig, &["watch"])).await
    }

    pub fn bare(&self, estate: &Estate, kubeconfig: &Path, connections: usize) -> Bare {
        Bare {
            kubeconfig: kubeconfig.to_owned(),
            namespace: estate.namespace.clone(),
            connections,
        }
    }

    /// A way to the cluster over a line on which every request takes longer.
    pub fn slow_line(&self, delay: Duration) -> (SlowLine, NamedTempFile) {
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
        let line = SlowLine::start(to, delay);
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
