//! One run of a hook: its environment, its time limit, and the process group that is killed with
//! it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::cli::CommandWords;
use crate::model::GroupEvent;
use crate::model::event::carrying;
use crate::process::others::ProcessGroup;
use crate::text::{clean, shorten};

const HOOK_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to read standard error after the program has ended: a child may keep it open.
const STDERR_GRACE: Duration = Duration::from_millis(100);
/// The longest value in a hook's environment, and the longest line of its standard error in a log.
const MAX_HOOK_TEXT_CHARS: usize = 1000;
const MAX_STDERR_BYTES: usize = 4096;

/// A hook to run.
#[derive(Debug)]
pub struct HookRun {
    namespace: String,
    /// The context and the group, for the log.
    about: String,
    environment: Vec<(&'static str, String)>,
    /// Its standard input.
    json: String,
}

impl HookRun {
    pub fn new(event: &GroupEvent, context: &str, json: &str) -> Self {
        Self {
            namespace: event.group.namespace.clone(),
            about: format!("{context}: {}", event.group),
            environment: environment(event, context),
            json: format!("{json}\n"),
        }
    }

    #[cfg(test)]
    pub fn example(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            about: String::new(),
            environment: Vec::new(),
            json: String::new(),
        }
    }

    #[cfg(test)]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Runs the program, and logs a failure. Returns the namespace.
    pub async fn run(self, command: &CommandWords) -> String {
        let (namespace, about) = (self.namespace.clone(), self.about.clone());
        let about = clean(&about);
        let mut stderr = Vec::new();
        let how = match self.run_once(command, &mut stderr).await {
            Ok(Some(status)) if status.success() => return namespace,
            Ok(Some(status)) => format!("failed with {status}"),
            Ok(None) => format!(
                "ran longer than {} s and was killed",
                HOOK_TIMEOUT.as_secs()
            ),
            Err(cause) => format!("could not be run: {cause}"),
        };
        tracing::warn!("{about}: the hook {how}{}", last_line(&stderr));
        namespace
    }

    /// Returns how the program ended, or none if it ran too long. Adds the end of its standard
    /// error to `stderr`.
    async fn run_once(
        self,
        command: &CommandWords,
        stderr: &mut Vec<u8>,
    ) -> std::io::Result<Option<ExitStatus>> {
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .envs(self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let mut group = ProcessGroup::of(&child);
        let mut pipe = child.stderr.take();
        let feeding = child.stdin.take().map(|mut stdin| {
            // A program that does not read its input is fine.
            tokio::spawn(async move { stdin.write_all(self.json.as_bytes()).await.is_ok() })
        });
        let ended = timeout(HOOK_TIMEOUT, async {
            let reading = keep_the_end(pipe.as_mut(), stderr);
            tokio::pin!(reading);
            tokio::select! {
                () = &mut reading => child.wait().await,
                status = child.wait() => {
                    let _ = timeout(STDERR_GRACE, reading).await;
                    status
                }
            }
        })
        .await;
        feeding.inspect(JoinHandle::abort);
        let Ok(status) = ended else {
            group.kill();
            child.wait().await?;
            return Ok(None);
        };
        group.forget();
        status.map(Some)
    }
}

fn environment(event: &GroupEvent, context: &str) -> Vec<(&'static str, String)> {
    let GroupEvent {
        kind,
        group,
        apex,
        at,
        by,
        why,
        unverified,
        ..
    } = event;
    let value = |text: &str| shorten(&clean(text), MAX_HOOK_TEXT_CHARS);
    let backends = |weights: &Option<String>| {
        let weights = weights.as_deref();
        value(&weights.map_or_else(String::new, |it| carrying(it).replace(',', ", ")))
    };
    let severity = if kind.is_warning() { "warning" } else { "info" };
    vec![
        ("FAILOVER_EVENT", kind.to_string()),
        ("FAILOVER_SEVERITY", severity.to_owned()),
        ("FAILOVER_CONTEXT", value(context)),
        ("FAILOVER_NAMESPACE", value(&group.namespace)),
        ("FAILOVER_OBJECT", value(group.kind)),
        ("FAILOVER_GROUP", value(&group.name)),
        ("FAILOVER_APEX", value(apex.as_deref().unwrap_or_default())),
        ("FAILOVER_FROM", backends(&event.from)),
        ("FAILOVER_TO", backends(&event.to)),
        ("FAILOVER_BY", value(by)),
        ("FAILOVER_WHY", value(why)),
        ("FAILOVER_TIME", format!("{at:.3}")),
        ("FAILOVER_UNVERIFIED", unverified.to_string()),
    ]
}

async fn keep_the_end(pipe: Option<&mut (impl AsyncRead + Unpin)>, kept: &mut Vec<u8>) {
    let Some(pipe) = pipe else { return };
    let mut chunk = [0; 1024];
    while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..count]);
        kept.drain(..kept.len().saturating_sub(MAX_STDERR_BYTES));
    }
}

/// The last line that is not blank, after a colon.
fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.map(|line| format!(": {}", shorten(&clean(line.trim()), MAX_HOOK_TEXT_CHARS)))
        .unwrap_or_default()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramLookup {
    Executable,
    NotExecutable,
    NotFound,
}

/// Looks a program up by its path, or on the PATH. The `which` crate does not distinguish a file
/// that is not executable from a missing file.
pub fn look_up(program: &str) -> ProgramLookup {
    if program.contains('/') {
        return look_at(Path::new(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found: Vec<_> = std::env::split_paths(&path)
        .map(|folder| look_at(&folder.join(program)))
        .collect();
    [ProgramLookup::Executable, ProgramLookup::NotExecutable]
        .into_iter()
        .find(|lookup| found.contains(lookup))
        .unwrap_or(ProgramLookup::NotFound)
}

fn look_at(path: &Path) -> ProgramLookup {
    match path.metadata() {
        Ok(file) if !file.is_file() => ProgramLookup::NotFound,
        Ok(file) if file.permissions().mode() & 0o111 != 0 => ProgramLookup::Executable,
        Ok(_) => ProgramLookup::NotExecutable,
        Err(_) => ProgramLookup::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paused clock advances by itself when every task is idle.
    #[tokio::test(start_paused = true)]
    async fn a_hook_that_runs_too_long_is_killed() {
        let command = CommandWords {
            program: "sh".to_owned(),
            arguments: vec!["-c".to_owned(), "sleep 86400".to_owned()],
        };
        let run = HookRun::example("ns");
        let started = tokio::time::Instant::now();
        let ended = run.run_once(&command, &mut Vec::new()).await.unwrap();
        assert_eq!(ended, None);
        assert!(started.elapsed() >= HOOK_TIMEOUT);
    }

    #[test]
    fn a_program_is_an_executable_file() {
        assert_eq!(look_up("/bin/sh"), ProgramLookup::Executable);
        assert_eq!(look_up("sh"), ProgramLookup::Executable);
        assert_eq!(look_up("/etc/passwd"), ProgramLookup::NotExecutable);
        for nothing in ["/nowhere/to-be-found", "/etc", "to-be-found-nowhere"] {
            assert_eq!(look_up(nothing), ProgramLookup::NotFound, "{nothing}");
        }
    }
}
