use super::cluster::Cluster;
use super::log::Log;
use super::state::Gateways;
pub async fn run(_clusters: &[Cluster], _gateways: &tokio::sync::watch::Receiver<Gateways>, _log: &Log) {
    std::future::pending().await
}
