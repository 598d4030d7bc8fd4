//! The mirror loop: exported services of each cluster appear in the others, on the objects just as Linkerd's
//! service mirror makes them in gateway mode.

mod desired;
mod pair;

use std::convert::Infallible;
use std::net::Ipv4Addr;

use tokio::sync::watch;

use super::cluster::Cluster;
use super::log::Log;
use super::state::Gateways;
use desired::Remote;
use pair::Pair;

/// Mirrors between all clusters, in both directions; never ends by itself.
pub async fn run(clusters: &[Cluster], gateways: &watch::Receiver<Gateways>, log: &Log) -> Infallible {
    let mut pairs = Vec::new();
    for (index, remote) in clusters.iter().enumerate() {
        for local in clusters.iter().filter(|local| local.access.cluster != remote.access.cluster) {
            let origin = Remote { cluster: remote.access.cluster.clone(), gateway: gateway_address(index) };
            let pair = Pair::new(origin, remote.client.clone(), local.client.clone(), log);
            pairs.push(pair.run(gateways.clone()));
        }
    }
    futures::future::join_all(pairs).await;
    // A single cluster has no pairs.
    std::future::pending().await
}

/// An address of a cluster's gateway, from the block for documentation (RFC 5737): no packet ever goes there.
fn gateway_address(index: usize) -> Ipv4Addr {
    let host = u8::try_from(index % 250).unwrap_or_default();
    Ipv4Addr::new(203, 0, 113, host + 1)
}
