//! The sandbox that stays: `up`, `down` and `status`.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::SandboxUpArgs;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;
use crate::sandbox::supervisor::session::Session;
use crate::sandbox::supervisor::state::{ClusterState, ProgramState, SandboxState};
use crate::sandbox::supervisor::state_dir::{Owner, StateDir};

const POLL: Duration = Duration::from_millis(20);
const TEARDOWN: Duration = Duration::from_secs(20);

pub async fn up(streams: &Streams, args: &SandboxUpArgs) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let place = StateDir::standing()?;
    if place.owner()?.is_some() {
        check_standing(&place, &args.clusters)?;
        streams.print("The sandbox is up already.")?;
        return status(streams);
    }
    clear(&place)?;
    let session = Session::start(streams, place.clone(), args, &mut interrupts).await?;
    let own_kubectl = session.kubectl_dir_to_add();
    session.let_stay().await?;
    let first = args.clusters.first().map_or("west", String::as_str);
    streams.print(&format!(
        "export KUBECONFIG={}",
        place.kubeconfig().display()
    ))?;
    if let Some(dir) = own_kubectl {
        streams.print(&format!("export PATH=$PATH:{}", dir.display()))?;
    }
    streams.print(&format!(
        "kubectl --context {first} -n emojivoto get deployments,services"
    ))?;
    streams.print("kubectl failover sandbox down")?;
    Ok(Exit::Done)
}

/// Whether the sandbox that is up is the one that is asked for, and whole.
fn check_standing(place: &StateDir, clusters: &[String]) -> anyhow::Result<()> {
    let state = SandboxState::read(place).ok().filter(|state| state.ready);
    let Some(state) = state else {
        return Err(
            Problem::new("the sandbox is being started or taken down by another command")
                .next("See how far it is: kubectl failover sandbox status")
                .into(),
        );
    };
    let ended: Vec<_> = state
        .ended()
        .map(|(cluster, program)| in_words(cluster, program))
        .collect();
    let mut standing: Vec<_> = state.clusters.iter().map(|cluster| &cluster.name).collect();
    let mut asked: Vec<_> = clusters.iter().collect();
    standing.sort();
    asked.sort();
    let wrong = if standing != asked {
        let names = |names: Vec<&String>| {
            names
                .into_iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        format!(
            "the sandbox that is up has other clusters: {}, not {}",
            names(standing),
            names(asked)
        )
    } else if !ended.is_empty() {
        format!("the sandbox is up, but not whole: {}", ended.join(", "))
    } else {
        return Ok(());
    };
    Err(Problem::new(wrong)
        .next("Start anew, which loses what is in the clusters:")
        .next("kubectl failover sandbox down")
        .next(format!(
            "kubectl failover sandbox up --clusters {}",
            clusters.join(",")
        ))
        .into())
}

fn in_words(cluster: &ClusterState, program: &ProgramState) -> String {
    let how = program.ended.as_deref().unwrap_or("runs");
    format!("{} of {} {how}", program.name, cluster.name)
}

pub async fn down(streams: &Streams) -> anyhow::Result<Exit> {
    let place = StateDir::standing()?;
    if !place.exists() {
        streams.print("No sandbox is up.")?;
        return Ok(Exit::Done);
    }
    if let Some(owner) = place.owner()? {
        end(&owner).await?;
    }
    clear(&place)?;
    streams.print("The sandbox is down; the built programs stay in the cache.")?;
    Ok(Exit::Done)
}

/// Asks the supervisor to end; kills it when it doesn't.
async fn end(supervisor: &Owner) -> anyhow::Result<()> {
    for signal in [Signal::TERM, Signal::KILL] {
        tell(supervisor, signal)?;
        let wait = async {
            while !supervisor.has_ended() {
                tokio::time::sleep(POLL).await;
            }
        };
        if tokio::time::timeout(TEARDOWN, wait).await.is_ok() {
            return Ok(());
        }
    }
    Err(Problem::new("the supervisor of the sandbox does not end")
        .next("See what it does, and end it: kubectl failover sandbox status")
        .into())
}

pub fn tell(supervisor: &Owner, signal: Signal) -> anyhow::Result<()> {
    match supervisor.pid.map(|pid| kill_process(pid, signal)) {
        Some(Err(cause)) if cause != rustix::io::Errno::SRCH => {
            Err(anyhow::Error::new(cause).context("sending the supervisor a signal"))
        }
        _ => Ok(()),
    }
}

/// Removes a sandbox without an owner, its programs first where they could outlive it.
fn clear(place: &StateDir) -> anyhow::Result<()> {
    if let Ok(state) = SandboxState::read(place) {
        let programs = state.clusters.iter().flat_map(|cluster| &cluster.programs);
        for program in programs.filter(|program| belongs_to(program, place)) {
            let pid = i32::try_from(program.pid).ok().and_then(Pid::from_raw);
            // One that ends by itself meanwhile is what is wanted.
            let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
        }
    }
    place.remove()
}

/// Whether the process still is the program that was started, and no other one with its number.
fn belongs_to(program: &ProgramState, place: &StateDir) -> bool {
    let pid = program.pid.to_string();
    let ps = || {
        std::process::Command::new("ps")
            .args(["-o", "command=", "-p", &pid])
            .output()
    };
    let command_line = std::fs::read(format!("/proc/{pid}/cmdline"))
        .or_else(|_| ps().map(|output| output.stdout))
        .unwrap_or_default();
    String::from_utf8_lossy(&command_line).contains(&*place.dir().to_string_lossy())
}

/// The names of the clusters that run, with what has become of their gateways.
pub fn clusters() -> Vec<(String, &'static str)> {
    let state = StateDir::standing().and_then(|place| SandboxState::read(&place));
    let clusters = state.map(|state| state.clusters).unwrap_or_default();
    clusters
        .into_iter()
        .map(|cluster| (cluster.name, cluster.network.gateway.as_str()))
        .collect()
}

pub fn status(streams: &Streams) -> anyhow::Result<Exit> {
    let place = StateDir::standing()?;
    if place.owner()?.is_none() {
        streams.print("No sandbox is up. Start one with: kubectl failover sandbox up")?;
        return Ok(Exit::Done);
    }
    let Ok(state) = SandboxState::read(&place) else {
        streams.print("The sandbox is starting.")?;
        return Ok(Exit::Done);
    };
    for cluster in &state.clusters {
        streams.print(&format!(
            "{}  {}  {}",
            cluster.name,
            cluster.server,
            cluster.network.describe()
        ))?;
        for program in &cluster.programs {
            streams.print(&format!("  {}", describe(program)))?;
        }
    }
    streams.print(&format!(
        "supervisor  process {}, log {}",
        state.supervisor,
        place.log().display()
    ))?;
    streams.print(&format!("programs    {}", state.assets.display()))?;
    streams.print(&format!(
        "export KUBECONFIG={}",
        place.kubeconfig().display()
    ))?;
    Ok(Exit::Done)
}

fn describe(program: &ProgramState) -> String {
    match &program.ended {
        None => format!("{:<24} process {}", program.name, program.pid),
        Some(how) => format!("{:<24} {how}; see {}", program.name, program.log.display()),
    }
}
