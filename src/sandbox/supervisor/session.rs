//! The client side of a supervisor: starts it, follows its progress, detaches from it or stops it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::event::{DETACH, SupervisorEvent};
use crate::cli::SandboxUpArgs;
use crate::output::spinner::Spinner;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::process::signals::Interrupts;
use crate::sandbox::control_plane::assets::Assets;
use crate::sandbox::host::state_dir;
use crate::sandbox::host::state_dir::StateDir;

/// How long a supervisor may take to stop its programs and to remove its folder.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// A supervisor that this process started. It ends with this process, unless it is detached.
#[derive(Debug)]
pub struct Session {
    pub state_dir: StateDir,
    supervisor: Child,
    /// The supervisor ends when this is closed.
    lifeline: ChildStdin,
    events: Lines<BufReader<ChildStdout>>,
    pub assets_dir: PathBuf,
}

impl Session {
    /// Starts a sandbox and waits until it is ready. A signal during the wait stops everything.
    pub async fn start(
        streams: &Streams,
        state_dir: StateDir,
        args: &SandboxUpArgs,
        interrupts: &mut Interrupts,
    ) -> anyhow::Result<Session> {
        check_names(&args.clusters)?;
        state_dir::remove_orphans()?;
        let assets = interrupts
            .or(Assets::obtain(streams, args.assets.as_deref()))
            .await?;
        let spinner = Spinner::new(streams);
        let names = args.clusters.join(", ");
        spinner.step(&format!("Starting the clusters {names}"));
        let mut session = Self::launch(state_dir, args, &assets)?;
        match interrupts.or(session.until_ready(&spinner)).await {
            Ok(()) => {
                spinner.finish(&format!("The clusters {names} are ready"));
                Ok(session)
            }
            Err(failure) => {
                spinner.clear();
                session.stop().await?;
                Err(failure)
            }
        }
    }

    fn launch(state_dir: StateDir, args: &SandboxUpArgs, assets: &Assets) -> anyhow::Result<Self> {
        let itself = std::env::current_exe().context("finding this program's own file")?;
        let mut supervisor = Command::new(itself)
            .args(["sandbox", "supervise", "--until-stdin-closes"])
            .args(["--clusters", &args.clusters.join(",")])
            .arg("--dir")
            .arg(state_dir.dir())
            .arg("--assets")
            .arg(assets.dir())
            .args(args.rps.map(|rps| format!("--rps={rps}")))
            // A detached supervisor must not keep the starter's working directory in use.
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting the supervisor")?;
        let (Some(lifeline), Some(events)) = (supervisor.stdin.take(), supervisor.stdout.take())
        else {
            anyhow::bail!("the supervisor has no pipes");
        };
        let events = BufReader::new(events).lines();
        Ok(Self {
            state_dir,
            supervisor,
            lifeline,
            events,
            assets_dir: assets.dir().to_owned(),
        })
    }

    async fn until_ready(&mut self, spinner: &Spinner) -> anyhow::Result<()> {
        loop {
            let line = self.events.next_line().await;
            let Some(line) = line.context("reading from the supervisor")? else {
                let message = "the supervisor ended before the clusters were ready";
                return Err(Problem::new(message).into());
            };
            let event = serde_json::from_str(&line);
            match event.with_context(|| format!("the supervisor said {line:?}"))? {
                SupervisorEvent::Progress { text } => spinner.step(&text),
                SupervisorEvent::Ready => return Ok(()),
                SupervisorEvent::Failed { message, next } => {
                    return Err(next
                        .into_iter()
                        .fold(Problem::new(message), Problem::next)
                        .into());
                }
            }
        }
    }

    /// Whether the sandbox has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.supervisor.try_wait(), Ok(Some(_)))
    }

    /// Lets the sandbox outlive this process.
    pub async fn detach(mut self) -> anyhow::Result<()> {
        let line = format!("{DETACH}\n");
        self.lifeline
            .write_all(line.as_bytes())
            .await
            .context("the sandbox ended before it could be detached")
    }

    /// Stops the sandbox, and waits until everything is removed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.lifeline);
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, self.supervisor.wait())
            .await
            .is_err()
        {
            // The programs of a killed supervisor end with it.
            self.supervisor
                .kill()
                .await
                .context("killing the supervisor")?;
        }
        self.state_dir.remove()
    }
}

/// # Errors
/// A usage error if these cannot be the names of clusters.
pub fn check_names(clusters: &[String]) -> anyhow::Result<()> {
    let valid = |name: &String| {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let has_bare_edge = name.is_empty() || name.starts_with('-') || name.ends_with('-');
        name.len() <= 30 && name.bytes().all(allowed) && !has_bare_edge
    };
    if let Some(name) = clusters.iter().find(|name| !valid(name)) {
        return Err(
            Problem::usage(format!("{name:?} is not a valid cluster name"))
                .next("A name is up to 30 lower case letters, digits and inner hyphens.")
                .into(),
        );
    }
    if let [name] = clusters
        && name.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Err(Problem::usage(format!(
            "--clusters takes the names of the clusters, not how many: {name}"
        ))
        .next("for three clusters: --clusters west,east,central")
        .into());
    }
    let mut sorted = clusters.to_vec();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Problem::usage(format!("the cluster {} is named twice", pair[0])).into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::streams::is_stdout_error;

    #[tokio::test]
    async fn a_supervisor_that_is_gone_is_an_error() {
        let mut supervisor = Command::new("true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (lifeline, events) = (supervisor.stdin.take(), supervisor.stdout.take());
        supervisor.wait().await.unwrap();
        let session = Session {
            state_dir: StateDir::at("/".into()),
            supervisor,
            lifeline: lifeline.unwrap(),
            events: BufReader::new(events.unwrap()).lines(),
            assets_dir: PathBuf::new(),
        };
        let error = session.detach().await.unwrap_err();
        assert!(!is_stdout_error(&error));
        assert!(
            format!("{error:#}").starts_with("the sandbox ended before"),
            "{error:#}"
        );
    }
}
