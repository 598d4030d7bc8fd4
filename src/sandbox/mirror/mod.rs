//! Mirrors exported and federated Services between the clusters, with the same objects as Linkerd's
//! service mirror (<https://linkerd.io/2/features/multicluster/>).

pub mod desired;
pub mod federated;
pub mod known;
pub mod local;
pub mod watches;
pub mod writer;

use std::convert::Infallible;
use std::net::Ipv4Addr;

use tokio::sync::watch;

use super::control_plane::cluster::ControlPlane;
use super::host::log::Log;
use super::host::state::Networks;
use desired::Exporter;
use local::LocalMirrors;

/// Mirrors between all clusters, in both directions. Never returns.
pub async fn run(
    clusters: &[ControlPlane],
    networks: &watch::Receiver<Networks>,
    log: &Log,
) -> Infallible {
    let remote = |(index, cluster): (usize, &ControlPlane)| {
        let remote = Exporter {
            cluster: cluster.access.cluster.clone(),
            gateway: gateway_address(index),
        };
        (remote, cluster.client.clone())
    };
    let all: Vec<_> = clusters.iter().enumerate().map(remote).collect();
    let locals = (0..all.len()).filter_map(|here| LocalMirrors::new(&all, here, log));
    futures::future::join_all(locals.map(|local| local.run(networks.clone()))).await;
    std::future::pending().await
}

/// Returns a gateway address in the block for documentation (RFC 5737), where no packet is sent.
fn gateway_address(index: usize) -> Ipv4Addr {
    let host = u8::try_from(index % 250).unwrap_or_default();
    Ipv4Addr::new(203, 0, 113, host + 1)
}
