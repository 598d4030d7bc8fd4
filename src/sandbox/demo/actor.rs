//! Runs the plugin's own commands as a user would, and prints their output.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::objects::NAMESPACE;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::process::others;
use crate::sandbox::host::guard;
use crate::settings::values::SettingKey;
use crate::text::word;

const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// What `watch` prints once it has listed the groups.
const WATCHING: &str = " watching ";
/// After this time without that line, `watch` counts as started too.
const WATCH_START_TIMEOUT: Duration = Duration::from_secs(5);
const WATCH_EXIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs commands on one cluster.
pub struct Actor {
    pub streams: Streams,
    pub kubeconfig: PathBuf,
    pub context: String,
}

/// A running `watch`, killed when this is dropped.
pub struct RunningWatch {
    child: Child,
    printers: [JoinHandle<()>; 2],
}

impl Actor {
    /// Runs a command and prints its output. An exit code other than 0 is an error.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = self.command(arguments)?;
        let output = tokio::time::timeout(COMMAND_TIMEOUT, command.output())
            .await
            .with_context(|| format!("`{}` did not end", arguments[0]))?
            .with_context(|| format!("starting `{}`", arguments[0]))?;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            self.streams.print(line)?;
        }
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            self.streams.say(line);
        }
        if output.status.success() {
            return Ok(());
        }
        Err(Problem::new(format!("`{}` ended with {}", arguments[0], output.status)).into())
    }

    /// Starts `watch` in the background, and prints its lines as they arrive.
    pub async fn start_watch(&self, arguments: &[&str]) -> anyhow::Result<RunningWatch> {
        let mut child = self
            .command(arguments)?
            .spawn()
            .context("starting `watch`")?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            anyhow::bail!("`watch` has no output");
        };
        let (begun, mut has_begun) = tokio::sync::watch::channel(());
        let printers = [
            print(&self.streams, stdout, begun.clone()),
            print(&self.streams, stderr, begun),
        ];
        tokio::select! {
            status = child.wait() => {
                let status = status.context("waiting for `watch`")?;
                Err(Problem::new(format!("`watch` ended with {status}")).into())
            }
            _ = tokio::time::timeout(WATCH_START_TIMEOUT, has_begun.changed()) => Ok(RunningWatch { child, printers }),
        }
    }

    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let itself = std::env::current_exe().context("finding this program's own file")?;
        let context = format!("--context={}", self.context);
        let place = [context.as_str(), "-n", NAMESPACE];
        self.streams.print(&format!(
            "$ kubectl failover {} {}",
            quoted(arguments),
            place.join(" ")
        ))?;
        let mut command = guard::command()?;
        command
            .arg(itself)
            .args(arguments)
            .args(place)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // The user's settings may be about other clusters with these names.
        for variable in SettingKey::ALL.map(SettingKey::variable) {
            command.env_remove(variable);
        }
        if let Some(folder) = self.kubeconfig.parent() {
            command.env("XDG_CONFIG_HOME", folder);
        }
        Ok(command)
    }
}

impl RunningWatch {
    /// Asks `watch` to exit, and expects exit code 0.
    pub async fn end(mut self) -> anyhow::Result<()> {
        others::send(self.child.id(), Signal::TERM).context("ending `watch`")?;
        let ended = async {
            let status = self.child.wait().await.context("waiting for `watch`")?;
            for printer in self.printers {
                printer.await.context("showing what `watch` says")?;
            }
            anyhow::Ok(status)
        };
        let status = tokio::time::timeout(WATCH_EXIT_TIMEOUT, ended)
            .await
            .context("`watch` did not end")??;
        if status.success() {
            return Ok(());
        }
        Err(Problem::new(format!("`watch` ended with {status}")).into())
    }
}

/// Returns the arguments as a shell wants them.
fn quoted(arguments: &[&str]) -> String {
    let words: Vec<String> = arguments.iter().map(|argument| word(argument)).collect();
    words.join(" ")
}

fn print(
    streams: &Streams,
    pipe: impl AsyncRead + Unpin + Send + 'static,
    begun: tokio::sync::watch::Sender<()>,
) -> JoinHandle<()> {
    let streams = streams.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains(WATCHING) {
                begun.send_replace(());
            }
            // If standard output is closed, the demo notices it when it prints its own next line.
            let _ = streams.print(&format!("watch: {line}"));
        }
    })
}
