//! `sandbox gateway` and `sandbox partition`: what can be broken between the clusters.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;

use super::up::tell;
use crate::cli::{GatewayState, PartitionState, SandboxGatewayArgs, SandboxPartitionArgs};
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::sandbox::supervisor::state;
use crate::sandbox::supervisor::state::{Gateway, Network, SandboxState};
use crate::sandbox::supervisor::state_dir::{Owner, StateDir};

const POLL: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(5);

pub async fn gateway(streams: &Streams, args: &SandboxGatewayArgs) -> anyhow::Result<Exit> {
    let (gateway, word) = match args.state {
        GatewayState::Up => (Gateway::Up, "up"),
        GatewayState::Down => (Gateway::Down, "down"),
    };
    change(&args.cluster, |network| network.gateway = gateway).await?;
    streams.print(&format!("The gateway of {} is {word}.", args.cluster))?;
    Ok(Exit::Done)
}

pub async fn partition(streams: &Streams, args: &SandboxPartitionArgs) -> anyhow::Result<Exit> {
    let partitioned = args.state == PartitionState::On;
    change(&args.cluster, |network| network.partitioned = partitioned).await?;
    let words = if partitioned {
        "is cut off: it hangs"
    } else {
        "can be reached"
    };
    streams.print(&format!("The API of {} {words}.", args.cluster))?;
    Ok(Exit::Done)
}

/// Has the supervisor change a cluster's network, and waits until it has.
async fn change(cluster: &str, change: impl FnOnce(&mut Network)) -> anyhow::Result<()> {
    let (place, supervisor) = addressed_place()?;
    let state = SandboxState::read(&place).context("the sandbox is not ready yet")?;
    if !state.clusters.iter().any(|known| known.name == cluster) {
        let known: Vec<_> = state
            .clusters
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        return Err(Problem::usage(format!("there is no cluster {cluster}"))
            .next(format!("The clusters are {}.", known.join(", ")))
            .into());
    }
    let mut networks = state::read_network_requests(&place)?;
    let network = networks.entry(cluster.to_owned()).or_default();
    change(network);
    let asked = *network;
    state::write_network_requests(&place, &networks)?;
    tell(&supervisor, Signal::USR1)?;
    until(&place, cluster, asked).await
}

/// The sandbox that KUBECONFIG points into (inside `sandbox run`), or else the one that stays.
fn addressed_place() -> anyhow::Result<(StateDir, Owner)> {
    let pointed = std::env::var_os("KUBECONFIG").map(PathBuf::from);
    let around = pointed
        .as_deref()
        .and_then(Path::parent)
        .map(|dir| StateDir::at(dir.to_owned()));
    let standing = StateDir::standing()?;
    for place in around.into_iter().chain([standing]) {
        if place.state_file().exists()
            && let Some(owner) = place.owner()?
        {
            return Ok((place, owner));
        }
    }
    Err(Problem::new("no sandbox is up")
        .next("Start one with: kubectl failover sandbox up")
        .into())
}

async fn until(place: &StateDir, cluster: &str, asked: Network) -> anyhow::Result<()> {
    let wait = async {
        loop {
            let state = SandboxState::read(place)?;
            if state
                .clusters
                .iter()
                .any(|known| known.name == cluster && known.network == asked)
            {
                return anyhow::Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(LIMIT, wait)
        .await
        .context("the supervisor did not answer")?
}
