//! A simulation of traffic: which requests client pods would send to which backends, and metrics
//! about them as the pods' Linkerd proxies would have them. No request is sent, and no proxy runs.
//!
//! It follows the weights of groups, the readiness of endpoints and the state of gateways. kwok
//! forwards the admin port of each client pod to it.

pub mod client;
pub mod cluster;
pub mod counters;
pub mod exposition;
pub mod forward;
pub mod plan;
pub mod pods;
pub mod server;
pub mod simulator;
pub mod watches;
pub mod world;

use std::convert::Infallible;

use tokio::sync::watch;

use super::control_plane::cluster::ControlPlane;
use super::host::log::Log;
use super::host::state::Networks;
use simulator::Simulator;

/// Simulates the traffic of all clusters, with this rate of each client pod by default. Never
/// returns.
pub async fn run(
    clusters: &[ControlPlane],
    networks: &watch::Receiver<Networks>,
    rps: f64,
    log: &Log,
) -> Infallible {
    let simulator = Simulator::new(clusters, networks.clone(), rps, log);
    simulator.run().await;
    std::future::pending().await
}
