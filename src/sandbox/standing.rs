//! The sandbox that stays: `up`, `down`, `status` and `gateway`.

use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use super::interrupt::Interrupts;
use super::out;
use super::place::{Owner, Place};
use super::session::Session;
use super::state::{self, Gateway, ProgramState, State};
use crate::cli::{SandboxGatewayArgs, SandboxUpArgs};
use crate::error::{Exit, Problem};

const POLL: Duration = Duration::from_millis(20);
const TEARDOWN: Duration = Duration::from_secs(20);
const GATEWAY_LIMIT: Duration = Duration::from_secs(5);

pub async fn up(args: &SandboxUpArgs) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let place = Place::standing()?;
    if place.owner()?.is_some() {
        out::line("The sandbox is up already.")?;
        return status();
    }
    clear(&place)?;
    let session = Session::start(place.clone(), args, &mut interrupts).await?;
    let own_kubectl = session.kubectl_dir_to_add();
    session.let_stay().await?;
    let first = args.clusters.first().map_or("west", String::as_str);
    out::line(format!("export KUBECONFIG={}", place.kubeconfig().display()))?;
    if let Some(dir) = own_kubectl {
        out::line(format!("export PATH=$PATH:{}", dir.display()))?;
    }
    out::line(format!("kubectl --context {first} -n emojivoto get deployments,services"))?;
    out::line("kubectl failover sandbox down")?;
    Ok(Exit::Done)
}

pub async fn down() -> anyhow::Result<Exit> {
    let place = Place::standing()?;
    if !place.exists() {
        out::line("No sandbox is up.")?;
        return Ok(Exit::Done);
    }
    if let Some(owner) = place.owner()? {
        end(&owner).await?;
    }
    clear(&place)?;
    out::line("The sandbox is down; the built programs stay in the cache.")?;
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

fn tell(supervisor: &Owner, signal: Signal) -> anyhow::Result<()> {
    match supervisor.pid.map(|pid| kill_process(pid, signal)) {
        Some(Err(cause)) if cause != rustix::io::Errno::SRCH => {
            Err(anyhow::Error::new(cause).context("sending the supervisor a signal"))
        }
        _ => Ok(()),
    }
}

/// Removes a sandbox without an owner, its programs first where they could outlive it.
fn clear(place: &Place) -> anyhow::Result<()> {
    if let Ok(state) = State::read(place) {
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
fn belongs_to(program: &ProgramState, place: &Place) -> bool {
    let pid = program.pid.to_string();
    let ps = || std::process::Command::new("ps").args(["-o", "command=", "-p", &pid]).output();
    let command_line = std::fs::read(format!("/proc/{pid}/cmdline"))
        .or_else(|_| ps().map(|output| output.stdout))
        .unwrap_or_default();
    String::from_utf8_lossy(&command_line).contains(&*place.dir().to_string_lossy())
}

pub fn status() -> anyhow::Result<Exit> {
    let place = Place::standing()?;
    if place.owner()?.is_none() {
        out::line("No sandbox is up. Start one with: kubectl failover sandbox up")?;
        return Ok(Exit::Done);
    }
    let Ok(state) = State::read(&place) else {
        out::line("The sandbox is starting.")?;
        return Ok(Exit::Done);
    };
    for cluster in &state.clusters {
        out::line(format!("{}  {}  gateway {}", cluster.name, cluster.server, cluster.gateway.as_str()))?;
        for program in &cluster.programs {
            out::line(format!("  {}", describe(program)))?;
        }
    }
    out::line(format!("supervisor  process {}, log {}", state.supervisor, place.log().display()))?;
    out::line(format!("programs    {}", state.assets.display()))?;
    out::line(format!("export KUBECONFIG={}", place.kubeconfig().display()))?;
    Ok(Exit::Done)
}

fn describe(program: &ProgramState) -> String {
    match &program.ended {
        None => format!("{:<24} process {}", program.name, program.pid),
        Some(how) => format!("{:<24} {how}; see {}", program.name, program.log.display()),
    }
}

pub async fn gateway(args: &SandboxGatewayArgs) -> anyhow::Result<Exit> {
    let (place, supervisor) = addressed_place()?;
    let state = State::read(&place).context("the sandbox is not ready yet")?;
    if !state.clusters.iter().any(|cluster| cluster.name == args.cluster) {
        let known: Vec<_> = state.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        return Err(Problem::usage(format!("there is no cluster {}", args.cluster))
            .next(format!("The clusters are {}.", known.join(", ")))
            .into());
    }
    let asked = Gateway::from(args.state);
    let mut gateways = state::read_gateway_requests(&place)?;
    gateways.insert(args.cluster.clone(), asked);
    state::write_gateway_requests(&place, &gateways)?;
    tell(&supervisor, Signal::USR1)?;
    until_gateway(&place, &args.cluster, asked).await?;
    out::line(format!("The gateway of {} is {}.", args.cluster, asked.as_str()))?;
    Ok(Exit::Done)
}

/// The sandbox that KUBECONFIG points into (inside `sandbox run`), or else the one that stays.
fn addressed_place() -> anyhow::Result<(Place, Owner)> {
    let pointed = std::env::var_os("KUBECONFIG").map(std::path::PathBuf::from);
    let around = pointed.as_deref().and_then(std::path::Path::parent).map(|dir| Place::at(dir.to_owned()));
    let standing = Place::standing()?;
    for place in around.into_iter().chain([standing]) {
        if place.state_file().exists()
            && let Some(owner) = place.owner()?
        {
            return Ok((place, owner));
        }
    }
    Err(Problem::new("no sandbox is up").next("Start one with: kubectl failover sandbox up").into())
}

async fn until_gateway(place: &Place, cluster: &str, asked: Gateway) -> anyhow::Result<()> {
    let wait = async {
        loop {
            let state = State::read(place)?;
            if state.clusters.iter().any(|known| known.name == cluster && known.gateway == asked) {
                return anyhow::Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(GATEWAY_LIMIT, wait).await.context("the supervisor did not answer")?
}
