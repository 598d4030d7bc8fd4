//! Follows the clusters, and has all simulated clients send where the objects say.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::AbortHandle;
use futures::{FutureExt, StreamExt};
use tokio::sync::{mpsc, watch};

use super::cluster::SimulatedCluster;
use super::plan::Target;
use super::watches::{Changed, Changes, SimulationChange, watch_namespace, watch_pods};
use super::world::{ClusterView, World};
use crate::sandbox::control_plane::cluster::ControlPlane;
use crate::sandbox::host::log::Log;
use crate::sandbox::host::state::Networks;

/// Further failures are not logged until these are.
const MAX_QUEUED_FAILURES: usize = 16;

/// The simulation of all clusters.
pub struct Simulator<'a> {
    clusters: Vec<SimulatedCluster>,
    changes: Changes,
    /// The open watches of each namespace that decides where requests go.
    namespaces: BTreeMap<String, Vec<AbortHandle>>,
    networks: watch::Receiver<Networks>,
    failures: mpsc::Receiver<String>,
    default_rps: f64,
    log: &'a Log,
}

impl<'a> Simulator<'a> {
    pub fn new(
        clusters: &[ControlPlane],
        networks: watch::Receiver<Networks>,
        default_rps: f64,
        log: &'a Log,
    ) -> Self {
        let mut changes = Changes::new();
        let (failed, failures) = mpsc::channel(MAX_QUEUED_FAILURES);
        for (index, cluster) in clusters.iter().enumerate() {
            watch_pods(&mut changes, index, &cluster.client);
        }
        let clusters = clusters.iter().map(|cluster| {
            let name = &cluster.access.cluster;
            SimulatedCluster::new(name, &cluster.client, &failed)
        });
        Self {
            clusters: clusters.collect(),
            changes,
            namespaces: BTreeMap::new(),
            networks,
            failures,
            default_rps,
            log,
        }
    }

    /// Ends only if the supervisor does.
    pub async fn run(mut self) {
        loop {
            tokio::select! {
                Some(change) = self.changes.next() => self.observe(change),
                Ok(()) = self.networks.changed() => {}
                Some(failure) = self.failures.recv() => {
                    self.log.line(&failure);
                    continue;
                }
                else => return,
            }
            while let Some(Some(change)) = self.changes.next().now_or_never() {
                self.observe(change);
            }
            let namespaces = self.plan();
            self.follow_namespaces(namespaces);
        }
    }

    fn observe(&mut self, change: SimulationChange) {
        let SimulationChange { cluster, what } = change;
        let Some(cluster) = self.clusters.get_mut(cluster) else {
            return;
        };
        match what {
            Changed::Pod(event) => cluster.observe_pod(event),
            Changed::Service(namespace, event) => {
                cluster.objects(namespace).services.observe(*event);
            }
            Changed::Slice(namespace, event) => cluster.objects(namespace).slices.observe(event),
            Changed::Group(namespace, kind, event) => {
                if let Some(groups) = cluster.objects(namespace).groups.get_mut(kind) {
                    groups.observe(event);
                }
            }
            Changed::Failed(cause) => {
                let name = &cluster.name;
                let text = format!("simulation: watching {name} failed, retrying: {cause}");
                self.log.line(&text);
            }
        }
    }

    /// Watches the namespaces that decide where requests go, and no others.
    fn follow_namespaces(&mut self, called: BTreeSet<String>) {
        let left: Vec<String> = self
            .namespaces
            .keys()
            .filter(|namespace| !called.contains(*namespace))
            .cloned()
            .collect();
        for namespace in left {
            let handles = self.namespaces.remove(&namespace).unwrap_or_default();
            handles.iter().for_each(AbortHandle::abort);
            for cluster in &mut self.clusters {
                cluster.objects.remove(&namespace);
            }
        }
        for namespace in called {
            if self.namespaces.contains_key(&namespace) {
                continue;
            }
            let mut handles = Vec::new();
            for (index, cluster) in self.clusters.iter_mut().enumerate() {
                cluster.objects(namespace.clone());
                let client = &cluster.client;
                handles.extend(watch_namespace(
                    &mut self.changes,
                    index,
                    client,
                    &namespace,
                ));
            }
            self.namespaces.insert(namespace, handles);
        }
    }

    /// Has all clients send where the objects say now. Returns the namespaces that this depends on.
    fn plan(&self) -> BTreeSet<String> {
        let networks = self.networks.borrow();
        let views = self.clusters.iter().map(|cluster| ClusterView {
            name: &cluster.name,
            objects: &cluster.objects,
        });
        let world = World {
            clusters: views.collect(),
            networks: &networks,
        };
        let mut namespaces = BTreeSet::new();
        for (here, cluster) in self.clusters.iter().enumerate() {
            let clients = || cluster.clients.values();
            let targets: BTreeSet<&Target> =
                clients().flat_map(|running| &running.pod.targets).collect();
            let mut plans = BTreeMap::new();
            for target in targets {
                namespaces.insert(target.service.namespace.clone());
                if !world.has_listed(&target.service.namespace) {
                    continue;
                }
                let plan = world.plan(here, target);
                let backends = plan.backends.iter();
                let places = backends.map(|backend| backend.service.namespace.clone());
                let places: BTreeSet<String> = places.collect();
                if places.iter().all(|namespace| world.has_listed(namespace)) {
                    plans.insert(target, plan);
                }
                namespaces.extend(places);
            }
            let network = networks.get(&cluster.name).copied().unwrap_or_default();
            let rps = network.traffic.rps.unwrap_or(self.default_rps);
            for running in clients() {
                running.client.follow(rps, &plans);
            }
        }
        namespaces
    }
}
