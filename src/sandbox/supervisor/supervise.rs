//! The supervisor process: owns a sandbox's folder and programs, and mirrors between its clusters.

use std::cell::RefCell;

use anyhow::Context;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::event::{DETACH, SupervisorEvent};
use super::scheduler;
use crate::cli::SandboxSuperviseArgs;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;
use crate::sandbox::control_plane::assets::Assets;
use crate::sandbox::control_plane::cluster::{ControlPlane, Starter};
use crate::sandbox::control_plane::ports::Ports;
use crate::sandbox::control_plane::program::{ControlPlaneProgram, Roster};
use crate::sandbox::control_plane::{access, install, links};
use crate::sandbox::host::log::Log;
use crate::sandbox::host::state;
use crate::sandbox::host::state::{
    ClusterState, Network, Networks, ProgramState, SandboxState, TrafficSettings,
};
use crate::sandbox::host::state_dir::StateDir;
use crate::sandbox::{mirror, policy, simulation};

/// Runs a sandbox until a signal arrives or its starter has gone, and leaves nothing behind.
pub async fn run(streams: &Streams, args: SandboxSuperviseArgs) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let state_dir = StateDir::at(args.dir.clone());
    let owned = state_dir.own().and_then(|ownership| {
        let other = || {
            let message = format!("another supervisor runs in {}", state_dir.dir().display());
            Problem::new(message).into()
        };
        ownership.ok_or_else(other)
    });
    // Nobody reads this process's standard error.
    let ownership = match owned {
        Ok(ownership) => ownership,
        Err(error) => {
            SupervisorEvent::failed(&error).send(streams);
            return Ok(Exit::Failed);
        }
    };
    ownership.hold_until_exit();
    let roster = Roster::default();
    let outcome = tokio::select! {
        outcome = serve(streams, &args, &state_dir, &roster) => outcome,
        _ = interrupts.next() => Ok(()),
        () = starter_gone(), if args.until_stdin_closes => Ok(()),
    };
    roster.stop_all().await;
    state_dir.remove()?;
    match outcome {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            SupervisorEvent::failed(&error).send(streams);
            Ok(Exit::Failed)
        }
    }
}

/// Returns when standard input is closed before the supervisor was detached.
async fn starter_gone() {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line == DETACH {
            return std::future::pending().await;
        }
    }
}

async fn serve(
    streams: &Streams,
    args: &SandboxSuperviseArgs,
    state_dir: &StateDir,
    roster: &Roster,
) -> anyhow::Result<()> {
    let log = Log::open(&state_dir.log())?;
    let assets = Assets::obtain(streams, args.up.assets.as_deref()).await?;
    let clusters = start_clusters(streams, args, state_dir, &assets, roster).await?;
    let accesses: Vec<_> = clusters
        .iter()
        .map(|cluster| cluster.access.clone())
        .collect();
    access::write_kubeconfig(&state_dir.kubeconfig(), &accesses)?;
    let rps = args.up.rps.unwrap_or(TrafficSettings::DEFAULT_RPS);
    let state_file = StateFile::create(state_dir, &assets, rps, &clusters)?;
    // Installed before anyone can find the sandbox: without a handler, the signal ends this
    // process.
    let requests = signal(SignalKind::user_defined1()).context("listening for network requests")?;
    let (networks, networks_seen) = watch::channel(Networks::new());
    let mirrors = mirror::run(&clusters, &networks_seen, &log);
    let schedulers = scheduler::run(&clusters, &log);
    let policies = policy::run(&clusters, &log);
    let simulation = simulation::run(&clusters, &networks_seen, rps, &log);
    state_file.update(|state| state.ready = true)?;
    SupervisorEvent::Ready.send(streams);
    log.line("ready");
    tokio::select! {
        never = mirrors => match never {},
        never = schedulers => match never {},
        never = policies => match never {},
        never = simulation => match never {},
        outcome = record_exits(&clusters, &state_file, &log) => outcome,
        outcome = follow_network_requests(requests, state_dir, &state_file, &clusters, &networks) => outcome,
    }
}

async fn start_clusters(
    streams: &Streams,
    args: &SandboxSuperviseArgs,
    state_dir: &StateDir,
    assets: &Assets,
    roster: &Roster,
) -> anyhow::Result<Vec<ControlPlane>> {
    let ports = Ports::default();
    let starter = Starter {
        state_dir,
        assets,
        ports: &ports,
        roster,
    };
    let starts = args.up.clusters.iter().map(async |name| {
        let cluster = starter.start(name).await?;
        SupervisorEvent::progress(format!("{name}: the API is ready, installing objects"))
            .send(streams);
        install::install(&cluster.client, &assets.definitions, args.bare)
            .await
            .with_context(|| format!("installing objects in {name}"))?;
        anyhow::Ok(cluster)
    });
    let clusters = futures::future::try_join_all(starts).await?;
    links::write(&clusters).await?;
    Ok(clusters)
}

/// The state, kept in its file.
struct StateFile<'a> {
    state_dir: &'a StateDir,
    state: RefCell<SandboxState>,
}

impl<'a> StateFile<'a> {
    fn create(
        state_dir: &'a StateDir,
        assets: &Assets,
        rps: f64,
        clusters: &[ControlPlane],
    ) -> anyhow::Result<Self> {
        let state = SandboxState {
            supervisor: std::process::id(),
            ready: false,
            assets: assets.dir().to_owned(),
            rps,
            clusters: clusters.iter().map(describe).collect(),
        };
        state.write(state_dir)?;
        Ok(Self {
            state_dir,
            state: RefCell::new(state),
        })
    }

    fn update(&self, change: impl FnOnce(&mut SandboxState)) -> anyhow::Result<()> {
        let mut state = self.state.borrow_mut();
        change(&mut state);
        state.write(self.state_dir)
    }
}

fn describe(cluster: &ControlPlane) -> ClusterState {
    let program = |program: &ControlPlaneProgram| ProgramState {
        name: program.name.to_owned(),
        pid: program.pid,
        log: program.log.clone(),
        ended: None,
    };
    ClusterState {
        name: cluster.access.cluster.clone(),
        server: cluster.access.server.clone(),
        network: Network::default(),
        programs: cluster.programs.iter().map(program).collect(),
    }
}

/// Records in the state which programs end by themselves. The others run on.
async fn record_exits(
    clusters: &[ControlPlane],
    state_file: &StateFile<'_>,
    log: &Log,
) -> anyhow::Result<()> {
    let programs = clusters.iter().flat_map(|cluster| &cluster.programs);
    let mut exits: FuturesUnordered<_> = programs
        .map(|program| async move { (program, program.ended().await) })
        .collect();
    while let Some((program, how)) = exits.next().await {
        log.line(&format!(
            "{} of {} {how}: {}",
            program.name,
            program.cluster,
            program.log_tail()
        ));
        state_file.update(|state| {
            let of_all = state
                .clusters
                .iter_mut()
                .flat_map(|cluster| &mut cluster.programs);
            of_all
                .filter(|known| known.pid == program.pid)
                .for_each(|known| known.ended = Some(how.clone()));
        })?;
    }
    std::future::pending().await
}

/// Applies the network requests on each SIGUSR1.
async fn follow_network_requests(
    mut requests: Signal,
    state_dir: &StateDir,
    state_file: &StateFile<'_>,
    clusters: &[ControlPlane],
    networks: &watch::Sender<Networks>,
) -> anyhow::Result<()> {
    loop {
        requests.recv().await;
        let asked = state::read_network_requests(state_dir)?;
        let of = |name: &str| asked.get(name).copied().unwrap_or_default();
        let partitions = clusters
            .iter()
            .map(|cluster| cluster.partition(of(&cluster.access.cluster).partitioned));
        futures::future::try_join_all(partitions).await?;
        networks.send_replace(asked.clone());
        state_file.update(|state| {
            for cluster in &mut state.clusters {
                cluster.network = of(&cluster.name);
            }
        })?;
    }
}
