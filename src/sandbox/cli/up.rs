//! `sandbox up`, `down` and `status`: the sandbox that runs until `down`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;

use crate::cli::SandboxUpArgs;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::others;
use crate::process::polling::poll;
use crate::process::signals::Interrupts;
use crate::sandbox::host::state::{ClusterState, ProgramState, SandboxState};
use crate::sandbox::host::state_dir::{Owner, StateDir};
use crate::sandbox::supervisor::session::{SHUTDOWN_TIMEOUT, Session, check_names};
use crate::text::word;

const EXIT_POLL: Duration = Duration::from_millis(20);

pub async fn up(streams: &Streams, args: &SandboxUpArgs) -> anyhow::Result<Exit> {
    check_names(&args.clusters)?;
    let mut interrupts = Interrupts::listen()?;
    let state_dir = StateDir::detached()?;
    if state_dir.owner()?.is_some() {
        let state = check_running(&state_dir, &args.clusters)?;
        streams.say("The sandbox is already running.");
        return print_exports(streams, &state_dir, kubectl_dir_to_add(&state.assets));
    }
    clear(&state_dir)?;
    let session = Session::start(streams, state_dir.clone(), args, &mut interrupts).await?;
    let own_kubectl = kubectl_dir_to_add(&session.assets_dir);
    session.detach().await?;
    let first = args.clusters.first().map_or("west", String::as_str);
    streams.say(&format!(
        "To look: kubectl --context {first} -n emojivoto get deployments,services"
    ));
    streams.say("Traffic is a simulation, without proxies: kubectl failover sandbox traffic");
    streams.say("To stop it: kubectl failover sandbox down");
    print_exports(streams, &state_dir, own_kubectl)
}

/// Prints the commands that let a shell use the sandbox, and nothing else, so that `eval "$(…)"`
/// works.
fn print_exports(
    streams: &Streams,
    state_dir: &StateDir,
    own_kubectl: Option<PathBuf>,
) -> anyhow::Result<Exit> {
    if streams.out_is_terminal() {
        streams.say(r#"To use it in this shell: eval "$(kubectl failover sandbox up)", or paste:"#);
    }
    let kubeconfig = state_dir.kubeconfig();
    streams.print(&format!("export KUBECONFIG={}", quoted(&kubeconfig)))?;
    if let Some(dir) = own_kubectl {
        streams.print(&format!(r#"export PATH="$PATH":{}"#, quoted(&dir)))?;
    }
    Ok(Exit::Done)
}

fn quoted(path: &Path) -> String {
    word(&path.to_string_lossy())
}

/// Returns the folder with the built kubectl, if PATH has no kubectl.
fn kubectl_dir_to_add(assets: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing = !std::env::split_paths(&path).any(|dir| dir.join("kubectl").exists());
    (missing && assets.join("kubectl").exists()).then(|| assets.to_owned())
}

/// Returns the state of the running sandbox. Fails unless it has these clusters, and all of its programs run.
fn check_running(state_dir: &StateDir, clusters: &[String]) -> anyhow::Result<SandboxState> {
    let state = SandboxState::read(state_dir)
        .ok()
        .filter(|state| state.ready);
    let Some(state) = state else {
        return Err(
            Problem::new("another command is starting or stopping the sandbox")
                .next("Check its progress: kubectl failover sandbox status")
                .into(),
        );
    };
    let ended: Vec<_> = state
        .ended()
        .map(|(cluster, program)| in_words(cluster, program))
        .collect();
    let mut standing: Vec<_> = state.clusters.iter().map(|it| it.name.as_str()).collect();
    let mut asked: Vec<_> = clusters.iter().map(String::as_str).collect();
    standing.sort_unstable();
    asked.sort_unstable();
    let wrong = if standing != asked {
        format!(
            "the running sandbox has other clusters: {}, not {}",
            standing.join(", "),
            asked.join(", ")
        )
    } else if !ended.is_empty() {
        format!("the running sandbox is incomplete: {}", ended.join(", "))
    } else {
        return Ok(state);
    };
    Err(Problem::new(wrong)
        .next("Start it again, which deletes everything in the clusters:")
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
    let state_dir = StateDir::detached()?;
    if !state_dir.exists() {
        streams.print("No sandbox is running.")?;
        return Ok(Exit::Done);
    }
    if let Some(owner) = state_dir.owner()? {
        end(&owner).await?;
    }
    clear(&state_dir)?;
    streams.print("The sandbox is stopped. The built programs stay in the cache.")?;
    Ok(Exit::Done)
}

/// Asks the supervisor to end, and kills it if it does not.
async fn end(supervisor: &Owner) -> anyhow::Result<()> {
    for signal in [Signal::TERM, Signal::KILL] {
        others::send(supervisor.pid, signal).context("sending the supervisor a signal")?;
        let ended = poll(EXIT_POLL, async || supervisor.has_ended().then_some(()));
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, ended).await.is_ok() {
            return Ok(());
        }
    }
    Err(Problem::new("the sandbox's supervisor does not exit")
        .next("Find its process: kubectl failover sandbox status")
        .into())
}

/// Removes a sandbox without an owner, and first stops programs that outlived it.
fn clear(state_dir: &StateDir) -> anyhow::Result<()> {
    if let Ok(state) = SandboxState::read(state_dir) {
        let programs = state.clusters.iter().flat_map(|cluster| &cluster.programs);
        for program in programs.filter(|program| belongs_to(program, state_dir)) {
            // What cannot be killed here is another user's.
            let _ = others::send(Some(program.pid), Signal::KILL);
        }
    }
    state_dir.remove()
}

/// Whether the process is still the program that was started, and not another one with the same ID.
fn belongs_to(program: &ProgramState, state_dir: &StateDir) -> bool {
    let pid = program.pid.to_string();
    let ps = || {
        std::process::Command::new("ps")
            .args(["-o", "command=", "-p", &pid])
            .output()
    };
    let command_line = std::fs::read(format!("/proc/{pid}/cmdline"))
        .or_else(|_| ps().map(|output| output.stdout))
        .unwrap_or_default();
    String::from_utf8_lossy(&command_line).contains(&*state_dir.dir().to_string_lossy())
}

/// Returns the names of the running clusters, each with the state of its gateway.
pub fn clusters() -> Vec<(String, &'static str)> {
    let state = StateDir::detached().and_then(|state_dir| SandboxState::read(&state_dir));
    let clusters = state.map(|state| state.clusters).unwrap_or_default();
    clusters
        .into_iter()
        .map(|cluster| (cluster.name, cluster.network.gateway.as_str()))
        .collect()
}

pub fn status(streams: &Streams) -> anyhow::Result<Exit> {
    let state_dir = StateDir::detached()?;
    if state_dir.owner()?.is_none() {
        streams.print("No sandbox is running. Start one with: kubectl failover sandbox up")?;
        return Ok(Exit::Done);
    }
    let Ok(state) = SandboxState::read(&state_dir) else {
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
        let simulation = cluster.network.traffic.describe(state.rps);
        streams.print(&format!("  {:<24} {simulation}", "traffic simulation"))?;
    }
    streams.print(&format!(
        "supervisor  process {}, log {}",
        state.supervisor,
        state_dir.log().display()
    ))?;
    streams.print(&format!("programs    {}", state.assets.display()))?;
    streams.print(&format!(
        "export KUBECONFIG={}",
        state_dir.kubeconfig().display()
    ))?;
    Ok(Exit::Done)
}

fn describe(program: &ProgramState) -> String {
    match &program.ended {
        None => format!("{:<24} process {}", program.name, program.pid),
        Some(how) => format!("{:<24} {how}; see {}", program.name, program.log.display()),
    }
}
