//! The requests to a group's backends during a window, as the clients count them, and what the
//! command `traffic` computes from them (aggregation).

use std::collections::BTreeSet;

use super::histogram::Histogram;
use super::ids::{GroupId, ServiceRef};

/// The metric that only a simulation of a proxy has. Its value is 1.
pub const SIMULATION_METRIC: &str = "kubectl_failover_simulation";

/// The requests of all clients to one backend.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BackendTraffic {
    /// Responses that Linkerd classifies as success.
    pub success: f64,
    /// The other responses, failures of gRPC included.
    pub failure: f64,
    /// Responses a second.
    pub rps: f64,
    /// The latencies in milliseconds.
    pub latency: Histogram,
    /// Open connections at the end of the window.
    pub connections: f64,
    /// Requests that wait for an endpoint at the end of the window.
    pub waiting: f64,
    /// Requests that the clients' proxies refused, because they had no endpoint in time.
    pub refused: f64,
    /// Requests of clients that call the backend itself, not the apex.
    pub direct: f64,
    /// Responses to clients that address the backend's pods themselves. They are in no other number.
    pub to_pods: f64,
    /// The fewest and the most ready endpoints that a client's proxy has.
    pub ready: Option<(u64, u64)>,
}

impl BackendTraffic {
    /// Returns how many requests were answered.
    pub fn responses(&self) -> f64 {
        self.success + self.failure
    }

    /// Returns how many responses there were to requests that the weights apply to: those of
    /// clients that call the apex.
    pub fn routed(&self) -> f64 {
        (self.responses() - self.direct).max(0.0)
    }

    /// Returns the share of the responses that are a success.
    pub fn success_rate(&self) -> Option<f64> {
        let all = self.responses();
        (all > 0.0).then(|| self.success / all)
    }

    /// Adds the requests of other clients.
    pub fn merge(&mut self, other: &Self) {
        self.success += other.success;
        self.failure += other.failure;
        self.rps += other.rps;
        self.latency.merge(&other.latency);
        self.connections += other.connections;
        self.waiting += other.waiting;
        self.refused += other.refused;
        self.direct += other.direct;
        self.to_pods += other.to_pods;
        self.ready = match (self.ready, other.ready) {
            (Some((low, high)), Some((fewest, most))) => Some((low.min(fewest), high.max(most))),
            (known, other) => known.or(other),
        };
    }
}

/// The clients that were asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clients {
    /// The running, meshed pods that could be asked.
    pub pods: usize,
    /// How many of them were asked.
    pub asked: usize,
    /// The running pods that have no proxy.
    pub unmeshed: usize,
    /// How many sent a request to the group.
    pub senders: usize,
    /// The pods that did not answer.
    pub silent: Vec<SilentClient>,
    /// The pods whose proxy restarted during the window. Their requests before that are not counted.
    pub restarted: Vec<String>,
    /// How many of those that call the apex have a proxy that is older than the group's object.
    pub older_than_group: usize,
    /// The workloads that call a backend or its pods themselves, as far as they are known.
    pub direct_callers: BTreeSet<String>,
    /// The clients are those that were named, not all pods.
    pub are_named: bool,
    /// The proxies of some are a simulation.
    pub are_simulated: bool,
}

impl Clients {
    /// Returns how many of the pods answered.
    pub fn answered(&self) -> usize {
        self.asked.saturating_sub(self.silent.len())
    }
}

/// A pod that did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilentClient {
    /// The pod's name.
    pub pod: String,
    /// Why it did not answer.
    pub why: String,
}

/// What a source counted during one window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traffic {
    /// One entry for each backend, in the order of the group.
    pub backends: Vec<BackendTraffic>,
    /// Requests that the proxies refused, and that belong to no backend.
    pub refused: f64,
    /// The length of the window.
    pub seconds: f64,
    /// Who was asked.
    pub clients: Clients,
}

/// A backend with its traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficRow {
    /// The backend's name in annotations.
    pub name: String,
    /// Its Service.
    pub service: ServiceRef,
    /// Its weight on the object.
    pub weight: u64,
    /// How many of its running pods are meshed, and how many there are. None for a Service that
    /// selects no pods.
    pub meshed: Option<(usize, usize)>,
    /// Its requests.
    pub traffic: BackendTraffic,
}

impl TrafficRow {
    /// As [`BackendTraffic::routed`].
    pub fn routed(&self) -> f64 {
        self.traffic.routed()
    }
}

/// The traffic of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficReport {
    /// The group's object.
    pub id: GroupId,
    /// The Service that clients call.
    pub apex: String,
    /// Index of the backend that should have the traffic, if it is known.
    pub primary: Option<usize>,
    /// The backends in the order of the group.
    pub rows: Vec<TrafficRow>,
    /// Requests that the proxies refused, and that belong to no backend.
    pub refused: f64,
    /// The length of the window.
    pub seconds: f64,
    /// Who was asked.
    pub clients: Clients,
    /// The weights changed during the window.
    pub has_moved: bool,
    /// A line for each other object that routes the requests to the apex, if they were looked for.
    pub conflicts: Vec<String>,
    /// What was answered before the weights last changed, if that was counted.
    pub before: Option<EarlierTraffic>,
    /// Who counted the requests, if not the clients' proxies themselves.
    pub counted_by: Option<String>,
    /// Why the group's route has no effect.
    pub unaccepted: Option<String>,
}

/// What the backends answered that had the traffic before it moved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EarlierTraffic {
    /// The backends.
    pub backends: Vec<String>,
    /// Their responses that were a success.
    pub success: f64,
    /// All of their responses.
    pub responses: f64,
}

impl EarlierTraffic {
    /// Adds the responses of a backend that has the traffic.
    pub fn add(&mut self, name: &str, traffic: &BackendTraffic) {
        if !self.backends.iter().any(|known| known == name) {
            self.backends.push(name.to_owned());
        }
        self.success += traffic.success;
        self.responses += traffic.responses();
    }
}

impl TrafficReport {
    /// Returns the requests to all backends.
    pub fn total(&self) -> BackendTraffic {
        let mut total = BackendTraffic::default();
        for row in &self.rows {
            total.merge(&row.traffic);
        }
        total.refused += self.refused;
        total
    }

    /// Returns how many responses there were to requests that the weights apply to.
    pub fn routed(&self) -> f64 {
        self.rows.iter().map(TrafficRow::routed).sum()
    }

    /// Returns the share of a backend in the responses to requests that the weights apply to.
    pub fn share(&self, row: &TrafficRow) -> Option<f64> {
        let all = self.routed();
        (all > 0.0).then(|| row.routed() / all)
    }

    /// Returns the row of a backend.
    pub fn row(&self, name: &str) -> Option<&TrafficRow> {
        self.rows.iter().find(|row| row.name == name)
    }
}
