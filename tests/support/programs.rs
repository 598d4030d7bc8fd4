//! Kills the programs of a sandbox's clusters and starts them again.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::process::Command;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::command::BINARY;
use super::sandbox::Sandbox;
use super::wait::eventually;

/// A program of a cluster that the test has started again. It ends with this value or with the
/// test.
pub struct Revived {
    stop: Arc<Notify>,
    keeper: JoinHandle<()>,
}

impl Revived {
    /// Kills it, as a crash would.
    pub async fn kill(mut self) {
        self.stop.notify_one();
        (&mut self.keeper).await.expect("the program is killed");
    }
}

impl Drop for Revived {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// How long to wait before a program that has ended by itself is started once more.
const RESTART_INTERVAL: Duration = Duration::from_millis(500);

/// Runs the program until it is to stop. It may end by itself: another program has its port, or its
/// disk or its time is short.
async fn keep(mut program: Command, stop: Arc<Notify>) {
    let log = NamedTempFile::new().expect("a file for the program's log");
    loop {
        let output = || log.reopen().expect("the log can be opened");
        let mut child = program
            .stdout(output())
            .stderr(output())
            .spawn()
            .expect("the program starts");
        tokio::select! {
            status = child.wait() => {
                let text = std::fs::read_to_string(log.path()).unwrap_or_default();
                let tail: Vec<&str> = text.lines().rev().take(5).collect();
                eprintln!("the program {program:?} ended with {status:?}, starting it again: {tail:?}");
                tokio::time::sleep(RESTART_INTERVAL).await;
            }
            () = stop.notified() => {
                child.kill().await.expect("the program is killed");
                return;
            }
        }
    }
}

impl Sandbox {
    /// The command line of a program of a cluster.
    pub fn command_of(&self, cluster: &str, program: &str) -> Vec<String> {
        let line = std::fs::read(format!("/proc/{}/cmdline", self.pid_of(cluster, program)));
        let line =
            String::from_utf8(line.expect("the program runs")).expect("a command line is text");
        line.trim_end_matches('\0')
            .split('\0')
            .map(str::to_owned)
            .collect()
    }

    /// Kills a program of a cluster, as a crash would. Returns its command line.
    pub async fn kill(&self, cluster: &str, program: &str) -> Vec<String> {
        let command = self.command_of(cluster, program);
        let pid = self.pid_of(cluster, program);
        kill_process(
            Pid::from_raw(pid).expect("a process has a number"),
            Signal::KILL,
        )
        .expect("it is killed");
        eventually("the program has ended", async || {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                Ok(())
            } else {
                Err(state)
            }
        })
        .await;
        command
    }

    fn pid_of(&self, cluster: &str, program: &str) -> i32 {
        let state =
            std::fs::read_to_string(self.dir().join("state.json")).expect("the state can be read");
        let state: Value = serde_json::from_str(&state).expect("the state is JSON");
        let named = |list: &Value, name: &str| {
            let found = list
                .as_array()
                .into_iter()
                .flatten()
                .find(|entry| entry["name"] == name)
                .cloned();
            found.expect("there is such a cluster and such a program")
        };
        let program = named(&named(&state["clusters"], cluster)["programs"], program);
        program["pid"]
            .as_i64()
            .and_then(|pid| pid.try_into().ok())
            .expect("a program has a process")
    }
}

/// A free port below the ephemeral range, where no outgoing connection takes it meanwhile.
pub fn free_port() -> u16 {
    let offset = std::process::id() % 10_000;
    let mut ports = (0..10_000).map(|step| 20_000 + (offset + step) % 10_000);
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let free = ports.find_map(|port| u16::try_from(port).ok().filter(free));
    free.expect("there is a free port")
}

/// Starts a program with the command line that it had, and again if it ends by itself.
pub fn start_again(command: &[String]) -> Revived {
    let mut guarded = Command::new(BINARY);
    guarded
        .args([
            "sandbox",
            "guard",
            "--parent",
            &std::process::id().to_string(),
            "--",
        ])
        .args(command);
    guarded.stdin(Stdio::null()).kill_on_drop(true);
    let stop = Arc::new(Notify::new());
    let keeper = tokio::spawn(keep(guarded, stop.clone()));
    Revived { stop, keeper }
}
