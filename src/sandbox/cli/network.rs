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
use crate::sandbox::host::state::{ClusterState, Gateway, Network, Networks, SandboxState};
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
async fn change(cluster: &str, change: impl Fn(&mut Network)) -> anyhow::Result<()> {
    change_all(Some(cluster), change).await.map(drop)
}

/// Changes the network of a cluster, or of all clusters. Returns the new state.
pub async fn change_all(
    cluster: Option<&str>,
    change: impl Fn(&mut Network),
) -> anyhow::Result<SandboxState> {
    let (state_dir, supervisor) = current_sandbox()?;
    let state = SandboxState::read(&state_dir).context("the sandbox is not ready yet")?;
    let named = named(&state, cluster)?;
    let mut networks = state::read_network_requests(&state_dir)?;
    for name in named {
        change(networks.entry(name.to_owned()).or_default());
    }
    state::write_network_requests(&state_dir, &networks)?;
    others::send(supervisor.pid, Signal::USR1).context("sending the supervisor a signal")?;
    until_applied(&state_dir, &networks).await
}

/// Returns the state of the current sandbox, with only the named cluster or all of them.
pub fn current_state(cluster: Option<&str>) -> anyhow::Result<SandboxState> {
    let (state_dir, _) = current_sandbox()?;
    let state = SandboxState::read(&state_dir).context("the sandbox is not ready yet")?;
    named(&state, cluster)?;
    Ok(state)
}

fn named<'a>(state: &'a SandboxState, cluster: Option<&'a str>) -> anyhow::Result<Vec<&'a str>> {
    let known = state.clusters.iter().map(|known| known.name.as_str());
    let known: Vec<_> = known.collect();
    match cluster {
        None => Ok(known),
        Some(cluster) if known.contains(&cluster) => Ok(vec![cluster]),
        Some(cluster) => Err(Problem::usage(format!("unknown cluster {cluster}"))
            .next(format!("The clusters are {}.", known.join(", ")))
            .into()),
    }
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

async fn until_applied(state_dir: &StateDir, asked: &Networks) -> anyhow::Result<SandboxState> {
    let applied = |state: SandboxState| {
        let differs = |known: &ClusterState| {
            let asked = asked.get(&known.name);
            known.network != asked.copied().unwrap_or_default()
        };
        (!state.clusters.iter().any(differs)).then_some(state)
    };
    let applied = poll(STATE_POLL, async || {
        SandboxState::read(state_dir).map(applied).transpose()
    });
    tokio::time::timeout(APPLY_TIMEOUT, applied)
        .await
        .context("the supervisor did not apply the change")?
}
