//! The supervisor: owns a sandbox's folder and programs from the start to the end.

use std::cell::RefCell;

use anyhow::Context;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::event::{STAY, SupervisorEvent};
use super::state;
use super::state::{ClusterState, Network, Networks, ProgramState, SandboxState};
use super::state_dir::StateDir;
use crate::cli::SandboxSuperviseArgs;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;
use crate::sandbox::control_plane::assets::Assets;
use crate::sandbox::control_plane::cluster::{ControlPlane, Starter};
use crate::sandbox::control_plane::ports::Ports;
use crate::sandbox::control_plane::program::{ControlPlaneProgram, Roster};
use crate::sandbox::control_plane::{access, install, links};
use crate::sandbox::mirror;

/// Runs a sandbox until it is told to end, or its starter has gone; leaves nothing behind.
pub async fn run(streams: &Streams, args: SandboxSuperviseArgs) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let place = StateDir::at(args.dir.clone());
    let Some(ownership) = place.own()? else {
        return Err(Problem::new(format!(
            "another supervisor runs in {}",
            place.dir().display()
        ))
        .into());
    };
    ownership.keep();
    let roster = Roster::default();
    let outcome = tokio::select! {
        outcome = serve(streams, &args, &place, &roster) => outcome,
        _ = interrupts.next() => Ok(()),
        () = starter_gone(), if args.until_stdin_closes => Ok(()),
    };
    roster.stop_all().await;
    place.remove()?;
    match outcome {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            SupervisorEvent::failed(&error).tell(streams);
            Ok(Exit::Failed)
        }
    }
}

/// Ends when standard input is closed before its reader was told to stay.
async fn starter_gone() {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line == STAY {
            return std::future::pending().await;
        }
    }
}

async fn serve(
    streams: &Streams,
    args: &SandboxSuperviseArgs,
    place: &StateDir,
    roster: &Roster,
) -> anyhow::Result<()> {
    let log = super::log::Log::open(&place.log())?;
    let assets = Assets::obtain(streams, args.up.assets.as_deref()).await?;
    let clusters = start_clusters(streams, args, place, &assets, roster).await?;
    let accesses: Vec<_> = clusters
        .iter()
        .map(|cluster| cluster.access.clone())
        .collect();
    access::write_kubeconfig(&place.kubeconfig(), &accesses)?;
    let book = Book::open(place, &assets, &clusters)?;
    // Listened for before anyone can find the sandbox: unheard, the signal would end this process.
    let requests = signal(SignalKind::user_defined1()).context("listening for network requests")?;
    let (networks, networks_seen) = watch::channel(Networks::new());
    let mirrors = mirror::run(&clusters, &networks_seen, &log);
    book.change(|state| state.ready = true)?;
    SupervisorEvent::Ready.tell(streams);
    log.line("ready");
    tokio::select! {
        never = mirrors => match never {},
        outcome = note_endings(&clusters, &book, &log) => outcome,
        outcome = follow_network_requests(requests, place, &book, &clusters, &networks) => outcome,
    }
}

async fn start_clusters(
    streams: &Streams,
    args: &SandboxSuperviseArgs,
    place: &StateDir,
    assets: &Assets,
    roster: &Roster,
) -> anyhow::Result<Vec<ControlPlane>> {
    let ports = Ports::default();
    let starter = Starter {
        place,
        assets,
        ports: &ports,
        roster,
    };
    let starts = args.up.clusters.iter().map(async |name| {
        let cluster = starter.start(name).await?;
        SupervisorEvent::progress(format!("{name}: the API is ready, installing objects"))
            .tell(streams);
        install::install(&cluster.client, &assets.definitions, args.bare)
            .await
            .with_context(|| format!("installing objects in {name}"))?;
        anyhow::Ok(cluster)
    });
    let clusters = futures::future::try_join_all(starts).await?;
    links::write(&clusters).await?;
    Ok(clusters)
}

/// The state, and its file.
struct Book<'a> {
    place: &'a StateDir,
    state: RefCell<SandboxState>,
}

impl<'a> Book<'a> {
    fn open(
        place: &'a StateDir,
        assets: &Assets,
        clusters: &[ControlPlane],
    ) -> anyhow::Result<Self> {
        let state = SandboxState {
            supervisor: std::process::id(),
            ready: false,
            assets: assets.dir().to_owned(),
            clusters: clusters.iter().map(describe).collect(),
        };
        state.write(place)?;
        Ok(Self {
            place,
            state: RefCell::new(state),
        })
    }

    fn change(&self, change: impl FnOnce(&mut SandboxState)) -> anyhow::Result<()> {
        let mut state = self.state.borrow_mut();
        change(&mut state);
        state.write(self.place)
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

/// Writes down which programs end although nobody asked them to; the others go on.
async fn note_endings(
    clusters: &[ControlPlane],
    book: &Book<'_>,
    log: &super::log::Log,
) -> anyhow::Result<()> {
    let programs = clusters.iter().flat_map(|cluster| &cluster.programs);
    let mut endings: FuturesUnordered<_> = programs
        .map(|program| async move { (program, program.ended().await) })
        .collect();
    while let Some((program, how)) = endings.next().await {
        log.line(&format!(
            "{} of {} {how}: {}",
            program.name,
            program.cluster,
            program.last_words()
        ));
        book.change(|state| {
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

/// Each SIGUSR1 says that the requests have changed.
async fn follow_network_requests(
    mut requests: Signal,
    place: &StateDir,
    book: &Book<'_>,
    clusters: &[ControlPlane],
    networks: &watch::Sender<Networks>,
) -> anyhow::Result<()> {
    loop {
        requests.recv().await;
        let asked = state::read_network_requests(place)?;
        let of = |name: &str| asked.get(name).copied().unwrap_or_default();
        for cluster in clusters {
            cluster.partition(of(&cluster.access.cluster).partitioned)?;
        }
        networks.send_replace(asked.clone());
        book.change(|state| {
            for cluster in &mut state.clusters {
                cluster.network = of(&cluster.name);
            }
        })?;
    }
}
