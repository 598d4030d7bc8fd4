//! The commands of the sandbox.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::examples;
use super::values::parse_kind;

#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Start the clusters; they stay until `sandbox down`
    #[command(after_help = examples::SANDBOX_UP)]
    Up(SandboxUpArgs),
    /// Stop the clusters and remove their data
    #[command(after_help = examples::SANDBOX_DOWN)]
    Down,
    /// Show what runs
    #[command(after_help = examples::SANDBOX_STATUS)]
    Status,
    /// Play the whole story: outage in west, failover to east, recovery, failback
    #[command(after_help = examples::SANDBOX_DEMO)]
    Demo(SandboxDemoArgs),
    /// Start clusters, run a command with KUBECONFIG set, and stop them again
    #[command(after_help = examples::SANDBOX_RUN)]
    Run(SandboxRunArgs),
    /// Take a cluster's gateway down, or bring it up
    #[command(after_help = examples::SANDBOX_GATEWAY)]
    Gateway(SandboxGatewayArgs),
    /// Cut a cluster's API off, or connect it again
    #[command(after_help = examples::SANDBOX_PARTITION)]
    Partition(SandboxPartitionArgs),
    /// Keep the clusters running (started by the other sandbox commands)
    #[command(hide = true)]
    Supervise(SandboxSuperviseArgs),
    /// Become PROGRAM, to be killed when the parent ends (started by `supervise`)
    #[command(hide = true)]
    Guard(SandboxGuardArgs),
}

#[derive(Debug, Clone, Args)]
pub struct SandboxDemoArgs {
    #[command(flatten)]
    pub up: SandboxUpArgs,
    /// Kind of object that carries the group
    #[arg(long, default_value = "trafficsplit", value_name = "KIND", value_parser = parse_kind)]
    pub kind: String,
    /// Mirror the service without a gateway, as in a flat network: its endpoints are read in the other cluster
    #[arg(long)]
    pub flat: bool,
}

#[derive(Debug, Clone, Args)]
pub struct SandboxUpArgs {
    /// Names of the clusters
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "west,east",
        value_name = "NAMES"
    )]
    pub clusters: Vec<String>,
    /// Take the control plane's programs from this folder instead of building them
    #[arg(long, value_name = "DIR")]
    pub assets: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SandboxRunArgs {
    #[command(flatten)]
    pub up: SandboxUpArgs,
    /// Command to run
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Args)]
pub struct SandboxGatewayArgs {
    /// Cluster whose gateway it is
    pub cluster: String,
    /// What becomes of it
    #[arg(value_enum)]
    pub state: GatewayState,
}

#[derive(Debug, Args)]
pub struct SandboxPartitionArgs {
    /// Cluster whose API it is
    pub cluster: String,
    /// `on`: requests to it hang, as in a network that is dead; `off`: it answers again
    #[arg(value_enum)]
    pub state: PartitionState,
}

#[derive(Debug, Args)]
pub struct SandboxSuperviseArgs {
    /// Folder of this sandbox's data
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub up: SandboxUpArgs,
    /// End when standard input is closed
    #[arg(long)]
    pub until_stdin_closes: bool,
    /// Leave the emojivoto services out
    #[arg(long)]
    pub bare: bool,
}

#[derive(Debug, Args)]
pub struct SandboxGuardArgs {
    /// Process id of the parent
    #[arg(long)]
    pub parent: u32,
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GatewayState {
    Up,
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PartitionState {
    On,
    Off,
}
