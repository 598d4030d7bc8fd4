//! The clusters that tests run against.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::command::BINARY;
use super::namespace::Side;

/// How many tests have clusters that start at once. An API server needs seconds of CPU time to
/// start.
static STARTS: Semaphore = Semaphore::const_new(2);

/// A running sandbox without emojivoto. It ends when this is dropped, or when the test process ends
/// in any way.
pub struct Sandbox {
    dir: PathBuf,
    pub supervisor: Child,
    lifeline: Option<ChildStdin>,
}

/// The clusters west and east, which all tests of a test binary share.
pub fn shared() -> &'static Sandbox {
    share(&["west", "east"])
}

/// Starts these clusters as the shared ones, unless shared clusters run already.
pub fn share(clusters: &[&str]) -> &'static Sandbox {
    static SHARED: OnceLock<Sandbox> = OnceLock::new();
    SHARED.get_or_init(|| Sandbox::start_now(clusters))
}

impl Sandbox {
    /// Starts clusters for one test that breaks them.
    pub fn start(clusters: &[&str]) -> Self {
        let _permit = cluster_start_permit();
        Self::start_now(clusters)
    }

    fn start_now(clusters: &[&str]) -> Self {
        let dir = scratch_dir();
        let mut supervisor = Command::new(BINARY)
            .args(["sandbox", "supervise", "--until-stdin-closes", "--bare"])
            .args(["--clusters", &clusters.join(",")])
            .arg("--dir")
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the supervisor starts");
        let lifeline = supervisor.stdin.take();
        let events = BufReader::new(
            supervisor
                .stdout
                .take()
                .expect("the supervisor has a standard output"),
        );
        for line in events.lines() {
            let line = line.expect("the supervisor's events can be read");
            let event: serde_json::Value = serde_json::from_str(&line).expect("an event is JSON");
            match event["event"].as_str() {
                Some("ready") => {
                    return Self {
                        dir,
                        supervisor,
                        lifeline,
                    };
                }
                Some("failed") => panic!("the sandbox did not start: {event:#}"),
                _ => {}
            }
        }
        panic!("the supervisor ended before the clusters were ready");
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// An administrator's client. Each test needs its own, since a client belongs to the runtime
    /// that made it.
    pub async fn client(&self, context: &str) -> Client {
        client(&self.kubeconfig(), context).await
    }

    /// Creates a namespace with these labels.
    pub async fn side(&self, context: &'static str, namespace: &str, labels: Value) -> Side {
        let side = Side {
            context,
            namespace: namespace.to_owned(),
            client: self.client(context).await,
        };
        side.create_namespace_with(labels).await;
        side
    }
}

/// Waits until few other tests start clusters. Another test may start some once this is dropped.
pub fn cluster_start_permit() -> SemaphorePermit<'static> {
    loop {
        match STARTS.try_acquire() {
            Ok(permit) => return permit,
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.lifeline.take();
        let _ = self.supervisor.wait();
    }
}

/// A client for a context of any kubeconfig.
pub async fn client(kubeconfig: &Path, context: &str) -> Client {
    let file = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig can be read");
    let options = KubeConfigOptions {
        context: Some(context.to_owned()),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(file, &options)
        .await
        .expect("the context can be used");
    Client::try_from(config).expect("a client can be made")
}

/// A new name for a folder that the supervisor creates and removes.
fn scratch_dir() -> PathBuf {
    let unique = tempfile::Builder::new()
        .prefix("sandbox-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    unique.expect("a folder for the sandbox can be made").keep()
}

/// The processes whose command line contains `text`.
pub fn processes_mentioning(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc")
        .expect("/proc can be read")
        .flatten();
    let command_lines =
        entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let command_lines =
        command_lines.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    command_lines.filter(|line| line.contains(text)).collect()
}
