//! The files through which a supervisor and the other sandbox commands share state.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::state_dir;
use super::state_dir::StateDir;

/// The state that a supervisor writes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SandboxState {
    pub supervisor: u32,
    pub ready: bool,
    pub assets: PathBuf,
    /// The requests a second that each client pod sends, unless a cluster has its own setting.
    #[serde(default)]
    pub rps: f64,
    pub clusters: Vec<ClusterState>,
}

/// A cluster of the sandbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClusterState {
    pub name: String,
    pub server: String,
    #[serde(flatten)]
    pub network: Network,
    pub programs: Vec<ProgramState>,
}

/// A program of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProgramState {
    pub name: String,
    pub pid: u32,
    pub log: PathBuf,
    /// How it ended; none while it runs.
    pub ended: Option<String>,
}

/// How other processes can reach a cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Network {
    pub gateway: Gateway,
    /// Its API server is disconnected.
    pub partitioned: bool,
    /// What is simulated on it.
    #[serde(default)]
    pub traffic: TrafficSettings,
}

/// The settings of the simulation of traffic for one cluster. None stands for the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TrafficSettings {
    /// The requests a second that each client pod of the cluster sends.
    pub rps: Option<f64>,
    /// The percentage of requests that the cluster's pods answer with success.
    pub success: Option<f64>,
    /// How long the cluster's pods take to answer.
    pub latency_ms: Option<f64>,
}

impl TrafficSettings {
    /// As in emojivoto, whose vote-bot votes and looks once a second.
    pub const DEFAULT_RPS: f64 = 2.0;
    const DEFAULT_SUCCESS: f64 = 100.0;
    const DEFAULT_LATENCY_MS: f64 = 5.0;
    const DEFAULT_LATENCY_BETWEEN_CLUSTERS_MS: f64 = 25.0;

    /// Takes over the settings that the other ones have.
    pub fn update(&mut self, other: Self) {
        self.rps = other.rps.or(self.rps);
        self.success = other.success.or(self.success);
        self.latency_ms = other.latency_ms.or(self.latency_ms);
    }

    /// Says what is simulated, with the rate of `sandbox up`.
    pub fn describe(self, rps: f64) -> String {
        let rps = self.rps.unwrap_or(rps);
        let success = self.success.unwrap_or(Self::DEFAULT_SUCCESS);
        let latency = match self.latency_ms {
            Some(latency) => format!("in {}", milliseconds(latency)),
            None => format!(
                "in {}ms ({}ms to other clusters)",
                Self::DEFAULT_LATENCY_MS,
                Self::DEFAULT_LATENCY_BETWEEN_CLUSTERS_MS
            ),
        };
        format!("each client pod sends {rps}rps; pods answer {success}% with success, {latency}")
    }

    /// Returns the share of successes, from 0 to 1.
    pub fn success(self) -> f64 {
        self.success.unwrap_or(Self::DEFAULT_SUCCESS) / 100.0
    }

    /// Returns the latency for clients in the same cluster, or in another one.
    pub fn latency_ms(self, is_same_cluster: bool) -> f64 {
        let default = if is_same_cluster {
            Self::DEFAULT_LATENCY_MS
        } else {
            Self::DEFAULT_LATENCY_BETWEEN_CLUSTERS_MS
        };
        self.latency_ms.unwrap_or(default)
    }
}

/// Such as `1m`, `2s` or `25ms`.
fn milliseconds(latency: f64) -> String {
    let units = [(60_000.0, "m"), (1000.0, "s")];
    let mut whole = units
        .iter()
        .filter(|(unit, _)| latency >= *unit && latency % unit == 0.0);
    match whole.next() {
        Some((unit, name)) => format!("{}{name}", latency / unit),
        None => format!("{latency}ms"),
    }
}

/// Whether the other clusters can reach a cluster's gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gateway {
    #[default]
    Up,
    Down,
}

impl Gateway {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl Network {
    pub fn describe(self) -> String {
        let partition = if self.partitioned {
            ", API disconnected"
        } else {
            ""
        };
        format!("gateway {}{partition}", self.gateway.as_str())
    }
}

/// Networks by cluster. A cluster without an entry is fully reachable.
pub type Networks = BTreeMap<String, Network>;

impl SandboxState {
    /// Returns the programs that ended by themselves, each with its cluster.
    pub fn ended(&self) -> impl Iterator<Item = (&ClusterState, &ProgramState)> {
        let of_all = self.clusters.iter().flat_map(|cluster| {
            let programs = cluster.programs.iter();
            programs.map(move |program| (cluster, program))
        });
        of_all.filter(|(_, program)| program.ended.is_some())
    }

    pub fn read(state_dir: &StateDir) -> anyhow::Result<Self> {
        let path = state_dir.state_file();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    pub fn write(&self, state_dir: &StateDir) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("writing the state")?;
        state_dir::write_private(&state_dir.state_file(), &text)
    }
}

/// Reads the requests of `sandbox gateway`, `sandbox partition` and `sandbox traffic`.
pub fn read_network_requests(state_dir: &StateDir) -> anyhow::Result<Networks> {
    let text = match std::fs::read_to_string(state_dir.network_requests()) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Networks::new()),
        text => text.context("reading the network requests")?,
    };
    serde_json::from_str(&text).context("reading the network requests")
}

/// Writes the requests of `sandbox gateway`, `sandbox partition` and `sandbox traffic`.
pub fn write_network_requests(state_dir: &StateDir, networks: &Networks) -> anyhow::Result<()> {
    let text = serde_json::to_string(networks).context("writing the network requests")?;
    state_dir::write_private(&state_dir.network_requests(), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_the_unit_that_suits() {
        for (latency, text) in [
            (60_000.0, "1m"),
            (90_000.0, "90s"),
            (2000.0, "2s"),
            (25.0, "25ms"),
            (0.0, "0ms"),
            (1500.0, "1500ms"),
        ] {
            assert_eq!(milliseconds(latency), text);
        }
    }
}
