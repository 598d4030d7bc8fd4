//! `sandbox traffic`: shows and changes the simulation of traffic.

use super::network::{change_all, current_state};
use crate::cli::SandboxTrafficArgs;
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::sandbox::host::state::TrafficSettings;

pub async fn run(streams: &Streams, args: &SandboxTrafficArgs) -> anyhow::Result<Exit> {
    let cluster = args.cluster.as_deref();
    let latency_ms = args.latency.map(|latency| latency.as_secs_f64() * 1000.0);
    let asked = TrafficSettings {
        rps: args.rps,
        success: args.success,
        latency_ms,
    };
    let state = if args.reset {
        change_all(cluster, |network| {
            network.traffic = TrafficSettings::default()
        })
        .await?
    } else if asked == TrafficSettings::default() {
        current_state(cluster)?
    } else {
        change_all(cluster, |network| network.traffic.update(asked)).await?
    };
    let named = |name: &str| cluster.is_none_or(|cluster| cluster == name);
    for cluster in state.clusters.iter().filter(|it| named(&it.name)) {
        let simulation = cluster.network.traffic.describe(state.rps);
        streams.print(&format!("{}  simulation: {simulation}", cluster.name))?;
    }
    Ok(Exit::Done)
}
