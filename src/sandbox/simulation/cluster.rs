//! The simulated clients of one cluster: one for each pod with a proxy.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use kube::api::DynamicObject;
use kube::runtime::watcher::Event;
use kube::{Client, ResourceExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::client::SimulatedClient;
use super::pods::ClientPod;
use super::world::Objects;
use super::{forward, server};
use crate::sandbox::mirror::known::{Key, key_of};
use crate::sandbox::mirror::watches::RETRY_DELAY;

/// A cluster with its clients and what decides where their requests go.
pub struct SimulatedCluster {
    pub name: String,
    pub client: Client,
    pub clients: BTreeMap<Key, RunningClient>,
    /// The clients before the current list of pods.
    unlisted: BTreeSet<Key>,
    /// By namespace.
    pub objects: BTreeMap<String, Objects>,
    /// Why clients do not serve their metrics yet.
    failures: mpsc::Sender<String>,
}

/// A simulated client. Its server ends when this is dropped.
pub struct RunningClient {
    pub pod: ClientPod,
    pub client: SimulatedClient,
    server: JoinHandle<()>,
}

impl Drop for RunningClient {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl SimulatedCluster {
    pub fn new(name: &str, client: &Client, failures: &mpsc::Sender<String>) -> Self {
        Self {
            name: name.to_owned(),
            client: client.clone(),
            clients: BTreeMap::new(),
            unlisted: BTreeSet::new(),
            objects: BTreeMap::new(),
            failures: failures.clone(),
        }
    }

    pub fn objects(&mut self, namespace: String) -> &mut Objects {
        self.objects.entry(namespace).or_default()
    }

    /// Starts and stops clients with their pods.
    pub fn observe_pod(&mut self, event: Event<DynamicObject>) {
        match event {
            Event::Init => self.unlisted = self.clients.keys().cloned().collect(),
            Event::InitApply(pod) => {
                self.unlisted.remove(&key_of(&pod));
                self.start_or_stop(&pod);
            }
            Event::InitDone => {
                for key in std::mem::take(&mut self.unlisted) {
                    self.clients.remove(&key);
                }
            }
            Event::Apply(pod) => self.start_or_stop(&pod),
            Event::Delete(pod) => {
                self.clients.remove(&key_of(&pod));
            }
        }
    }

    fn start(&self, pod: ClientPod) -> RunningClient {
        let client = SimulatedClient::new(pod.started, &pod.targets);
        let (cluster, failures) = (self.client.clone(), self.failures.clone());
        let served = serve(cluster, pod.clone(), client.clone(), failures);
        RunningClient {
            pod,
            client,
            server: tokio::spawn(served),
        }
    }

    fn start_or_stop(&mut self, pod: &DynamicObject) {
        let key = key_of(pod);
        let Some(read) = ClientPod::read(pod) else {
            self.clients.remove(&key);
            return;
        };
        let uid = pod.uid();
        let running = self.clients.get(&key);
        if running.is_none_or(|running| Some(&running.pod.uid) != uid.as_ref()) {
            self.clients.insert(key, self.start(read));
        }
    }
}

/// Serves the metrics of a client. Tries again until a port is free and kwok knows of it.
async fn serve(
    cluster: Client,
    pod: ClientPod,
    client: SimulatedClient,
    failures: mpsc::Sender<String>,
) {
    let mut has_failed = false;
    loop {
        match open_port(&cluster, &pod).await {
            Ok(listener) => return server::serve(listener, client).await,
            Err(cause) if !has_failed => {
                let ClientPod {
                    namespace, name, ..
                } = &pod;
                let failure = format!("simulation: {namespace}/{name}, retrying: {cause:#}");
                has_failed = failures.try_send(failure).is_ok();
            }
            Err(_) => {}
        }
        sleep(RETRY_DELAY).await;
    }
}

async fn open_port(cluster: &Client, pod: &ClientPod) -> anyhow::Result<TcpListener> {
    let (listener, port) = server::listen().await.context("listening on a port")?;
    let written = forward::write(cluster, pod, port).await;
    written.context("writing its PortForward")?;
    Ok(listener)
}
