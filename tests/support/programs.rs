//! Kills the programs of a sandbox's clusters and starts them again.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::command::BINARY;
use super::sandbox::Sandbox;
use super::wait::eventually;

/// A program of a cluster that the test has started again. It ends with this value or with the
/// test.
pub struct Revived(Child);

impl Revived {
    /// Kills it, as a crash would.
    pub async fn kill(mut self) {
        self.0.kill().await.expect("the program is killed");
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

/// Starts a program with the command line that it had.
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
    guarded
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    Revived(guarded.spawn().expect("the program starts"))
}
