//! The plugin while it runs, with its output line by line.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::wait::WAIT_LIMIT;

/// The plugin while it runs (`watch`). It is killed when this is dropped.
pub struct Running {
    command: String,
    child: Child,
    stdout: mpsc::UnboundedReceiver<String>,
    stderr: mpsc::UnboundedReceiver<String>,
    /// The lines of standard output that were taken so far.
    pub seen: Vec<String>,
    /// The lines of standard error that were read so far.
    errors: Vec<String>,
    /// Files that it may read while it runs.
    files: Vec<NamedTempFile>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let line = format!("{:?}", command.as_std());
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = child.expect("the plugin starts");
        let stdout = lines(child.stdout.take().expect("standard output is piped"));
        let stderr = lines(child.stderr.take().expect("standard error is piped"));
        Self {
            command: line,
            child,
            stdout,
            stderr,
            seen: Vec::new(),
            errors: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Keeps a file for as long as the plugin runs.
    pub fn keeping(mut self, file: NamedTempFile) -> Self {
        self.files.push(file);
        self
    }

    pub fn pid(&self) -> Pid {
        let raw = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        raw.and_then(Pid::from_raw).expect("the plugin still runs")
    }

    /// Takes the next line of standard output. Panics when no line comes in time or the plugin
    /// ends.
    pub async fn line(&mut self) -> String {
        match tokio::time::timeout(WAIT_LIMIT, self.stdout.recv()).await {
            Ok(Some(line)) => {
                self.seen.push(line.clone());
                line
            }
            Ok(None) => self.fail("the plugin closed its standard output"),
            Err(_) => self.fail("no line came"),
        }
    }

    /// Takes lines of standard output up to the first one that contains `text`.
    pub async fn line_containing(&mut self, text: &str) -> String {
        loop {
            let line = self.line().await;
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The first line of standard error, from the start on, that contains `text`.
    pub async fn stderr_line_containing(&mut self, text: &str) -> String {
        self.stderr_line_within(WAIT_LIMIT, text).await
    }

    /// The same, with another limit.
    pub async fn stderr_line_within(&mut self, limit: Duration, text: &str) -> String {
        self.stderr_line_with_any(limit, &[text]).await
    }

    /// The same, with any of these texts.
    pub async fn stderr_line_with_any(&mut self, limit: Duration, texts: &[&str]) -> String {
        let has_any = |line: &String| texts.iter().any(|text| line.contains(text));
        if let Some(line) = self.errors.iter().find(|line| has_any(line)) {
            return line.clone();
        }
        let find = async {
            while let Some(line) = self.stderr.recv().await {
                self.errors.push(line.clone());
                if has_any(&line) {
                    return Some(line);
                }
            }
            None
        };
        let found = tokio::time::timeout(limit, find).await.ok().flatten();
        found.unwrap_or_else(|| {
            self.fail(&format!(
                "no line on standard error contains any of {texts:?}"
            ))
        })
    }

    /// Takes a line of standard output that comes within `time`. For lines that must not come.
    pub async fn line_within(&mut self, time: Duration) -> Option<String> {
        tokio::time::timeout(time, self.stdout.recv())
            .await
            .ok()
            .flatten()
    }

    /// Closes its standard output, after the next line.
    pub fn stop_listening(&mut self) {
        self.stdout.close();
    }

    /// Sends a signal and waits for the end.
    pub async fn end_with(mut self, signal: Signal) -> ExitStatus {
        kill_process(self.pid(), signal).expect("the signal is sent");
        self.wait().await
    }

    /// Sends a signal and waits for the end. Returns the lines of standard output that were not
    /// taken, and all of standard error.
    pub async fn end_and_collect(self, signal: Signal) -> (ExitStatus, Vec<String>, Vec<String>) {
        kill_process(self.pid(), signal).expect("the signal is sent");
        self.wait_and_collect().await
    }

    /// Waits for the end. Returns the lines of standard output that were not taken, and all of
    /// standard error.
    pub async fn wait_and_collect(mut self) -> (ExitStatus, Vec<String>, Vec<String>) {
        let status = self.wait().await;
        let mut errors = std::mem::take(&mut self.errors);
        errors.append(&mut rest(&mut self.stderr).await);
        (status, rest(&mut self.stdout).await, errors)
    }

    /// Waits for the end.
    pub async fn wait(&mut self) -> ExitStatus {
        match tokio::time::timeout(WAIT_LIMIT, self.child.wait()).await {
            Ok(status) => status.expect("the plugin can be waited for"),
            Err(_) => self.fail("the plugin did not end"),
        }
    }

    fn fail(&mut self, complaint: &str) -> ! {
        self.errors
            .extend(std::iter::from_fn(|| self.stderr.try_recv().ok()));
        let (command, seen, errors) = (&self.command, self.seen.join("\n"), self.errors.join("\n"));
        panic!("{complaint}\n{command}\n--- stdout so far\n{seen}\n--- stderr so far\n{errors}");
    }
}

async fn rest(lines: &mut mpsc::UnboundedReceiver<String>) -> Vec<String> {
    let mut rest = Vec::new();
    while let Some(line) = lines.recv().await {
        rest.push(line);
    }
    rest
}

fn lines(pipe: impl AsyncRead + Unpin + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
