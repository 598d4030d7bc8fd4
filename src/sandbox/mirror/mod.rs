//! The mirror loop: exported services of each cluster appear in the others, and members of federated services in
//! all, on the objects just as Linkerd's service mirror makes them.

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
use super::supervisor::log::Log;
use super::supervisor::state::Networks;
use desired::Remote;
use local::Local;

/// Mirrors between all clusters, in both directions; never ends by itself.
pub async fn run(
    clusters: &[ControlPlane],
    networks: &watch::Receiver<Networks>,
    log: &Log,
) -> Infallible {
    let remote = |(index, cluster): (usize, &ControlPlane)| {
        let remote = Remote {
            cluster: cluster.access.cluster.clone(),
            gateway: gateway_address(index),
        };
        (remote, cluster.client.clone())
    };
    let all: Vec<_> = clusters.iter().enumerate().map(remote).collect();
    let locals = (0..all.len()).filter_map(|here| Local::new(&all, here, log));
    futures::future::join_all(locals.map(|local| local.run(networks.clone()))).await;
    std::future::pending().await
}

/// An address of a cluster's gateway, from the block for documentation (RFC 5737): no packet ever goes there.
fn gateway_address(index: usize) -> Ipv4Addr {
    let host = u8::try_from(index % 250).unwrap_or_default();
    Ipv4Addr::new(203, 0, 113, host + 1)
}
