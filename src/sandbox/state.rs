//! What a supervisor writes down for the other sandbox commands.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::place::{self, Place};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    pub supervisor: u32,
    pub ready: bool,
    pub assets: PathBuf,
    pub clusters: Vec<ClusterState>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClusterState {
    pub name: String,
    pub server: String,
    pub gateway: Gateway,
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

impl From<crate::cli::GatewayState> for Gateway {
    fn from(asked: crate::cli::GatewayState) -> Self {
        match asked {
            crate::cli::GatewayState::Up => Self::Up,
            crate::cli::GatewayState::Down => Self::Down,
        }
    }
}

/// The gateways by cluster; one that is not listed is up.
pub type Gateways = BTreeMap<String, Gateway>;

impl State {
    pub fn read(place: &Place) -> anyhow::Result<Self> {
        let path = place.state_file();
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }

    pub fn write(&self, place: &Place) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("writing the state down")?;
        place::write_private(&place.state_file(), &text)
    }
}

pub fn read_gateway_requests(place: &Place) -> anyhow::Result<Gateways> {
    match std::fs::read_to_string(place.gateway_requests()) {
        Ok(text) => serde_json::from_str(&text).context("reading the gateways that were asked for"),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(Gateways::new()),
        Err(cause) => Err(cause).context("reading the gateways that were asked for"),
    }
}

pub fn write_gateway_requests(place: &Place, gateways: &Gateways) -> anyhow::Result<()> {
    let text = serde_json::to_string(gateways).context("writing the gateways down")?;
    place::write_private(&place.gateway_requests(), &text)
}
