//! The baseline: a program that does the minimum. It runs in its own process, like the plugin.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::fixture::{self, Fixture, Move, move_group, patch};
use super::requests::{Watch, client};

/// The first argument that makes this binary the baseline program.
pub const NAME: &str = "baseline";

/// A run of the baseline program.
pub struct Baseline {
    pub kubeconfig: PathBuf,
    pub namespace: String,
    pub connections: usize,
}

impl Baseline {
    /// Starts it. Once this returns, it answers changes of the namespace's slices until it is
    /// dropped.
    pub async fn answer_slices(&self) -> Child {
        let mut child = self
            .command("answer")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        lines
            .next_line()
            .await
            .expect("its output can be read")
            .expect("it watches");
        child
    }

    /// Returns the command of a run that moves this many groups and ends.
    pub fn move_all(&self, groups: usize, how: Move) -> Command {
        let mut command = self.command(how.name());
        command.arg(groups.to_string());
        command
    }

    fn command(&self, task: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this binary has a path"));
        command
            .args([NAME, task])
            .arg(&self.kubeconfig)
            .arg(&self.namespace);
        command.arg(self.connections.to_string()).kill_on_drop(true);
        command
    }
}

/// The `main` of the baseline program.
pub async fn run(words: &[String]) {
    let [task, kubeconfig, namespace, connections, rest @ ..] = words else {
        panic!("too few arguments")
    };
    let client = client(Path::new(kubeconfig)).await;
    let connections = connections.parse().expect("a number of connections");
    match task.as_str() {
        "answer" => answer(client, namespace, connections).await,
        task => {
            let how = Move::of(task).expect("a known task");
            let groups = rest[0].parse().expect("a number of groups");
            let fixture = Fixture {
                client,
                namespace: namespace.clone(),
                groups,
                endpoints: 0,
                uids: std::sync::Arc::default(),
            };
            fixture.move_by_hand(0..groups, how, connections).await;
        }
    }
}

/// Answers every event of a primary's slice with a patch that was built before.
async fn answer(client: kube::Client, namespace: &str, connections: usize) {
    let (home, away) = (patch(Move::Home), patch(Move::Away));
    let permits = Arc::new(Semaphore::new(connections));
    let mut watch = Watch::open(&client, &fixture::slices(namespace)).await;
    println!("watching");
    while let Some(line) = watch.next().await {
        let line = std::str::from_utf8(&line).expect("JSON is text");
        let Some(service) = service(line).filter(|service| !service.ends_with("-east")) else {
            continue;
        };
        let gone = line.starts_with("{\"type\":\"DELETED\"") || !line.contains("\"ready\":true");
        let patch = if gone { away.clone() } else { home.clone() };
        let (client, namespace, service) =
            (client.clone(), namespace.to_owned(), service.to_owned());
        let permits = Arc::clone(&permits);
        tokio::spawn(async move {
            let _permit = permits.acquire().await;
            move_group(&client, &namespace, &service, patch).await;
        });
    }
}

fn service(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("\"kubernetes.io/service-name\":\"")?;
    rest.split_once('"').map(|(service, _)| service)
}
