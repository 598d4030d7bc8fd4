//! The arguments of `sandbox` and its commands.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::spec::CommandSpec;
use super::values::{parse_duration, parse_kind};

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover sandbox demo
  kubectl failover sandbox up
  kubectl failover sandbox run -- kubectl --context west get namespaces
  kubectl failover sandbox down",
);

const UP: &str = r#"Examples:
  kubectl failover sandbox up
  eval "$(kubectl failover sandbox up)"
  kubectl failover sandbox up --clusters west,east,central
  kubectl failover sandbox up --rps 50
  kubectl failover sandbox up --assets ./bin"#;

const DOWN: &str = "\
Examples:
  kubectl failover sandbox down";

const STATUS: &str = "\
Examples:
  kubectl failover sandbox status";

const DEMO: &str = "\
Examples:
  kubectl failover sandbox demo
  kubectl failover sandbox demo --kind httproute --flat";

const RUN: &str = "\
Examples:
  kubectl failover sandbox run -- kubectl --context west get namespaces
  kubectl failover sandbox run --clusters west,east,central -- ./acceptance.sh";

const GATEWAY: &str = "\
Examples:
  kubectl failover sandbox gateway east down
  kubectl failover sandbox gateway east up";

const PARTITION: &str = "\
Examples:
  kubectl failover sandbox partition east on
  kubectl failover sandbox partition east off";

const TRAFFIC: &str = "\
Examples:
  kubectl failover sandbox traffic
  kubectl failover sandbox traffic east --success 93 --latency 25ms
  kubectl failover sandbox traffic --rps 50
  kubectl failover sandbox traffic --reset";

#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Start the clusters; they run until `sandbox down`
    #[command(after_help = UP)]
    Up(SandboxUpArgs),
    /// Stop the clusters and remove their data
    #[command(after_help = DOWN)]
    Down,
    /// Show the running clusters
    #[command(after_help = STATUS)]
    Status,
    /// Play a whole incident: outage in west, failover to east, recovery, failback
    #[command(after_help = DEMO)]
    Demo(SandboxDemoArgs),
    /// Start clusters, run a command with KUBECONFIG set, and stop them again
    #[command(after_help = RUN)]
    Run(SandboxRunArgs),
    /// Take a cluster's gateway down, or bring it back up
    #[command(after_help = GATEWAY)]
    Gateway(SandboxGatewayArgs),
    /// Cut a cluster's API off from the network, or reconnect it
    #[command(after_help = PARTITION)]
    Partition(SandboxPartitionArgs),
    /// Show or change the simulation of traffic: how much clients send, how well pods answer
    #[command(after_help = TRAFFIC)]
    Traffic(SandboxTrafficArgs),
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
    /// Mirror the service without a gateway, as in a flat network
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
    /// Use the control plane's programs in this folder instead of building them
    #[arg(long, value_name = "DIR")]
    pub assets: Option<PathBuf>,
    /// Requests a second that each client pod sends in the simulation of traffic [default: 2]
    #[arg(long, value_name = "NUMBER", value_parser = parse_rps)]
    pub rps: Option<f64>,
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
    /// Cluster that the gateway belongs to
    #[arg(id = "sandbox_cluster", value_name = "CLUSTER")]
    pub cluster: String,
    /// New state of the gateway
    #[arg(value_enum)]
    pub state: GatewayState,
}

#[derive(Debug, Args)]
pub struct SandboxPartitionArgs {
    /// Cluster to cut off or reconnect
    #[arg(id = "sandbox_cluster", value_name = "CLUSTER")]
    pub cluster: String,
    /// `on`: requests to it hang, as on a dead network; `off`: it answers again
    #[arg(value_enum)]
    pub state: PartitionState,
}

#[derive(Debug, Args)]
pub struct SandboxTrafficArgs {
    /// Cluster that the pods are in [default: all clusters]
    #[arg(id = "sandbox_cluster", value_name = "CLUSTER")]
    pub cluster: Option<String>,
    /// Percentage of requests that its pods answer with success
    #[arg(long, value_name = "PERCENT", value_parser = parse_percentage)]
    pub success: Option<f64>,
    /// How long its pods take to answer
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub latency: Option<Duration>,
    /// Requests a second that each of its client pods sends
    #[arg(long, value_name = "NUMBER", value_parser = parse_rps)]
    pub rps: Option<f64>,
    /// Go back to what `sandbox up` started with
    #[arg(long, conflicts_with_all = ["success", "latency", "rps"])]
    pub reset: bool,
}

#[derive(Debug, Args)]
pub struct SandboxSuperviseArgs {
    /// Folder with this sandbox's data
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub up: SandboxUpArgs,
    /// Exit when standard input is closed
    #[arg(long)]
    pub until_stdin_closes: bool,
    /// Leave out the emojivoto services
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

fn parse_rps(text: &str) -> Result<f64, String> {
    number_up_to(text, 10_000.0)
}

fn parse_percentage(text: &str) -> Result<f64, String> {
    number_up_to(text.strip_suffix('%').unwrap_or(text), 100.0)
}

fn number_up_to(text: &str, most: f64) -> Result<f64, String> {
    let number = text.parse().ok();
    let allowed = number.filter(|number| (0.0..=most).contains(number));
    allowed.ok_or_else(|| format!("expected a number from 0 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_simulation_are_checked() {
        assert_eq!(parse_percentage("93"), Ok(93.0));
        assert_eq!(parse_percentage("99.5%"), Ok(99.5));
        assert_eq!(parse_rps("0"), Ok(0.0));
        for bad in ["", "101", "-1", "NaN", "inf", "many"] {
            assert!(parse_percentage(bad).is_err(), "{bad:?}");
        }
        assert!(parse_rps("10001").is_err());
    }
}
