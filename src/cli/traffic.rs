//! The arguments of `traffic`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::spec::CommandSpec;
use super::values::parse_duration;
use crate::access::rights::RbacCommand;
use crate::model::TrafficCondition;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover traffic
  kubectl failover traffic web-svc
  kubectl failover traffic web-svc --from deploy/vote-bot
  kubectl failover traffic web-svc --watch
  kubectl failover traffic web-svc --for 'share(web-svc-east)>=95%' --for 'success>=99%' --timeout 2m
  kubectl failover traffic web-svc --window 30s --output json
  kubectl failover traffic web-svc --source prometheus
  kubectl failover traffic web-svc --prometheus http://localhost:9090",
)
.needs(RbacCommand::Traffic);

#[derive(Debug, Args)]
pub struct TrafficArgs {
    /// Groups: NAME, KIND/NAME, or the service that clients call [default: all groups]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    #[command(flatten)]
    pub clients: ClientArgs,
    /// Ask only client pods with these labels
    #[arg(short = 'l', long = "selector", value_name = "LABELS")]
    pub labels: Option<String>,
    /// How long to count requests, at least 2s [default: 10s, or the last 1m with Prometheus]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub window: Option<Duration>,
    /// Ask at most this many pods, chosen at random
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_pods: u32,
    /// Who counts the requests [default: proxies]
    #[arg(long, value_enum, value_name = "SOURCE")]
    pub source: Option<TrafficSource>,
    /// Ask the Prometheus at this URL, not that of linkerd-viz
    #[arg(long, value_name = "URL")]
    pub prometheus: Option<String>,
    /// A file with the bearer token for --prometheus
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    pub prometheus_token_file: Option<PathBuf>,
    /// The certificate authority of --prometheus [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    pub prometheus_ca_file: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: TrafficFormat,
    /// Wait until this holds in one window: share(BACKEND), or success, rps, p50, p95, p99, failfast or
    /// waiting of a backend or of all; >=, <=, > or <; a limit. If repeated, all must hold. Exits with 3
    /// on timeout
    #[arg(long = "for", value_name = "CONDITION", conflicts_with = "watch")]
    pub goals: Vec<TrafficCondition>,
    /// How long to wait for --for; at least one window is counted [default: 2m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "goals")]
    pub timeout: Option<Duration>,
    /// Keep counting: a live table on a terminal, else a line per backend and window, or JSON Lines
    /// with `-o json`
    #[arg(short, long)]
    pub watch: bool,
}

/// Whose requests are counted.
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// Ask only the pods of this workload, such as deploy/vote-bot; may be repeated [default: all meshed
    /// pods of the namespace]
    #[arg(long, value_name = "KIND/NAME")]
    pub from: Vec<String>,
    /// The namespace of the client pods [default: that of the group]
    #[arg(long, value_name = "NAMESPACE")]
    pub from_namespace: Option<String>,
}

/// A wait for the traffic itself.
#[derive(Debug, Args)]
#[command(mut_arg("from", |arg| arg.requires("traffic")))]
#[command(mut_arg("from_namespace", |arg| arg.requires("traffic")))]
pub struct TrafficWaitArgs {
    /// With --wait, also wait until 95% of the requests really go there, as `traffic` counts them
    #[arg(long, requires = "wait")]
    pub traffic: bool,
    #[command(flatten)]
    pub clients: ClientArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TrafficSource {
    /// The clients' proxies, or Prometheus if there are more than --max-pods of them and linkerd-viz
    /// is installed
    Auto,
    /// The clients' proxies
    Proxies,
    /// The Prometheus of linkerd-viz, or the one of --prometheus
    Prometheus,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TrafficFormat {
    #[default]
    Table,
    Wide,
    Json,
    Yaml,
}
