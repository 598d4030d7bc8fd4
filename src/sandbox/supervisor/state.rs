//! What a supervisor writes down for the other sandbox commands.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::state_dir;
use super::state_dir::StateDir;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SandboxState {
    pub supervisor: u32,
    pub ready: bool,
    pub assets: PathBuf,
    pub clusters: Vec<ClusterState>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClusterState {
    pub name: String,
    pub server: String,
    #[serde(flatten)]
    pub network: Network,
    pub programs: Vec<ProgramState>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProgramState {
    pub name: String,
    pub pid: u32,
    pub log: PathBuf,
    /// How it ended, if it has.
    pub ended: Option<String>,
}

/// How a cluster can be reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    pub gateway: Gateway,
    /// Its API is cut off.
    pub partitioned: bool,
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
            ", API cut off"
        } else {
            ""
        };
        format!("gateway {}{partition}", self.gateway.as_str())
    }
}

/// The networks by cluster; one that is not listed is as it should be.
pub type Networks = BTreeMap<String, Network>;

impl SandboxState {
    /// The programs that have ended although nobody asked them to, each with its cluster.
    pub fn ended(&self) -> impl Iterator<Item = (&ClusterState, &ProgramState)> {
        let of_all = self.clusters.iter().flat_map(|cluster| {
            let programs = cluster.programs.iter();
            programs.map(move |program| (cluster, program))
        });
        of_all.filter(|(_, program)| program.ended.is_some())
    }

    pub fn read(place: &StateDir) -> anyhow::Result<Self> {
        let path = place.state_file();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    pub fn write(&self, place: &StateDir) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("writing the state down")?;
        state_dir::write_private(&place.state_file(), &text)
    }
}

pub fn read_network_requests(place: &StateDir) -> anyhow::Result<Networks> {
    match std::fs::read_to_string(place.network_requests()) {
        Ok(text) => serde_json::from_str(&text).context("reading the networks that were asked for"),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(Networks::new()),
        Err(cause) => Err(cause).context("reading the networks that were asked for"),
    }
}

pub fn write_network_requests(place: &StateDir, networks: &Networks) -> anyhow::Result<()> {
    let text = serde_json::to_string(networks).context("writing the networks down")?;
    state_dir::write_private(&place.network_requests(), &text)
}
