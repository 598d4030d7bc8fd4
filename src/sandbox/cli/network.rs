//! `sandbox gateway` and `sandbox partition`: break the network between the clusters, and restore
//! it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;

use crate::cli::{GatewayState, PartitionState, SandboxGatewayArgs, SandboxPartitionArgs};
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::others;
use crate::process::polling::poll;
use crate::sandbox::host::state;
use crate::sandbox::host::state::{Gateway, Network, SandboxState};
use crate::sandbox::host::state_dir::{Owner, StateDir};

const STATE_POLL: Duration = Duration::from_millis(20);
/// How long the supervisor may take to apply a change.
const APPLY_TIMEOUT: Duration = Duration::from_secs(5);

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
        "is disconnected: requests hang"
    } else {
        "is connected"
    };
    streams.print(&format!("The API of {} {words}.", args.cluster))?;
    Ok(Exit::Done)
}

/// Asks the supervisor to change a cluster's network, and waits until the change is applied.
async fn change(cluster: &str, change: impl FnOnce(&mut Network)) -> anyhow::Result<()> {
    let (state_dir, supervisor) = current_sandbox()?;
    let state = SandboxState::read(&state_dir).context("the sandbox is not ready yet")?;
    if !state.clusters.iter().any(|known| known.name == cluster) {
        let known: Vec<_> = state
            .clusters
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        return Err(Problem::usage(format!("unknown cluster {cluster}"))
            .next(format!("The clusters are {}.", known.join(", ")))
            .into());
    }
    let mut networks = state::read_network_requests(&state_dir)?;
    let network = networks.entry(cluster.to_owned()).or_default();
    change(network);
    let asked = *network;
    state::write_network_requests(&state_dir, &networks)?;
    others::send(supervisor.pid, Signal::USR1).context("sending the supervisor a signal")?;
    until_applied(&state_dir, cluster, asked).await
}

/// Returns the sandbox that KUBECONFIG points to (inside `sandbox run`), or else that of `sandbox
/// up`.
fn current_sandbox() -> anyhow::Result<(StateDir, Owner)> {
    let kubeconfig = std::env::var_os("KUBECONFIG").map(PathBuf::from);
    let surrounding = kubeconfig
        .as_deref()
        .and_then(Path::parent)
        .map(|dir| StateDir::at(dir.to_owned()));
    let standing = StateDir::detached()?;
    for state_dir in surrounding.into_iter().chain([standing]) {
        if state_dir.state_file().exists()
            && let Some(owner) = state_dir.owner()?
        {
            return Ok((state_dir, owner));
        }
    }
    Err(Problem::new("no sandbox is running")
        .next("Start one with: kubectl failover sandbox up")
        .into())
}

async fn until_applied(state_dir: &StateDir, cluster: &str, asked: Network) -> anyhow::Result<()> {
    let is_applied = |state: SandboxState| {
        let mut clusters = state.clusters.iter();
        clusters
            .any(|known| known.name == cluster && known.network == asked)
            .then_some(())
    };
    let applied = poll(STATE_POLL, async || {
        SandboxState::read(state_dir).map(is_applied).transpose()
    });
    tokio::time::timeout(APPLY_TIMEOUT, applied)
        .await
        .context("the supervisor did not apply the change")?
}
