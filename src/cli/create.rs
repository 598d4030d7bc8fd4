//! The arguments of `create`, and those that set a group's policy.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser as _};

use super::spec::CommandSpec;
use super::values::parse_kind;
use super::{DryRunArgs, RemoteArgs, ResilienceArgs};
use crate::access::rights::RbacCommand;
use crate::resource::policy::{FAILBACKS, POLICIES};
use crate::view::manifest::ObjectFormat;

/// The default value of the label `controlled-by`.
pub const DEFAULT_CONTROLLER: &str = "linkerd-failover";

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover create web-svc --fallback web-svc-east
  kubectl failover create web-svc --fallback web-svc-east --dry-run=client -o yaml
  kubectl failover create web-svc --fallback web-svc-east --kind httproute --port 80
  kubectl failover create web-svc --fallback web-svc-east --policy ordered --failback-delay 30s
  kubectl failover create web-svc --fallback web-svc-east --standby
  kubectl failover create web-svc --fallback web-svc-east --kind httproute --resilient
  kubectl failover create --adopt httproute/web --primary web-svc
  kubectl failover create --all --fallback-cluster east
  kubectl failover create --all --fallback-cluster east --selector team=web
  kubectl failover create --all --fallback-cluster east,north --all-namespaces --dry-run=client -o yaml
  kubectl failover create -f groups.yaml --yes",
)
.needs(RbacCommand::Create);

#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    /// Service that clients call (the apex)
    #[arg(required_unless_present_any = ["adopt", "all", "filename"], conflicts_with = "adopt")]
    pub service: Option<String>,
    /// Service that takes over when the primary has no ready endpoints (repeatable). A route's fallbacks
    /// may be in other namespaces: NAMESPACE/SERVICE
    #[arg(
        long,
        required_unless_present_any = ["adopt", "all", "filename"],
        conflicts_with = "adopt",
        value_name = "SERVICE"
    )]
    pub fallback: Vec<String>,
    /// Service that should have the traffic [default: SERVICE]
    #[arg(long, value_name = "SERVICE")]
    pub primary: Option<String>,
    /// Kind of object to create: trafficsplit, httproute, grpcroute, or httproute.policy.linkerd.io for
    /// Linkerd's own [default: trafficsplit, or httproute where the cluster serves no TrafficSplits]
    #[arg(long, value_name = "KIND", value_parser = parse_kind, conflicts_with = "adopt")]
    pub kind: Option<String>,
    /// Port of the service that the route is for [default: the service's only port]
    #[arg(long, value_name = "PORT", conflicts_with = "adopt", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Name of the object [default: SERVICE-failover]
    #[arg(long, conflicts_with = "adopt")]
    pub name: Option<String>,
    /// Turn an existing object into a group: only its label and this plugin's annotations change
    #[arg(long, value_name = "KIND/NAME")]
    pub adopt: Option<String>,
    /// Create a group for every service with a mirror of --fallback-cluster, unless it has one
    #[arg(
        long,
        requires = "fallback_cluster",
        conflicts_with_all = ["service", "fallback", "primary", "name", "adopt", "weights"]
    )]
    pub all: bool,
    /// With --all: only for services with these labels
    #[arg(short = 'l', long, value_name = "LABELS", requires = "all")]
    pub selector: Option<String>,
    /// Cluster whose mirrors become the fallbacks, in this order (repeatable)
    #[arg(long, value_name = "CLUSTER", value_delimiter = ',', requires = "all")]
    pub fallback_cluster: Vec<String>,
    /// Create the groups that this YAML file lists; - is standard input
    #[arg(
        short = 'f',
        long,
        value_name = "FILE",
        value_parser = OsStringValueParser::new().map(PathBuf::from),
        conflicts_with_all = [
            "all", "service", "fallback", "primary", "kind", "port", "name", "adopt", "controlled_by",
            "policy", "weights", "min_ready", "failover_delay", "failback_delay", "failback",
            "failback_ready", "standby", "resilient", "retries", "retry_limit", "breaker",
        ]
    )]
    pub filename: Option<PathBuf>,
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    pub resilience: ResilienceArgs,
    /// Value of the label failover.linkerd.io/controlled-by
    #[arg(long, value_name = "VALUE", default_value = DEFAULT_CONTROLLER)]
    pub controlled_by: String,
    /// Skip the confirmation prompt of --all and -f
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Allow services that don't exist yet
    #[arg(long)]
    pub allow_missing: bool,
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// Print the object in this format instead of a summary
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<ObjectFormat>,
    #[command(flatten)]
    pub remotes: RemoteArgs,
}

/// How a group shares its traffic, and when it fails over and back.
#[derive(Debug, Clone, Default, Args)]
pub struct PolicyArgs {
    /// spread: all ready fallbacks share the traffic; ordered: the first ready one takes it;
    /// active-active: every ready backend always has its share
    #[arg(long, value_name = "POLICY", value_parser = PossibleValuesParser::new(POLICIES.map(|(name, _)| name)))]
    pub policy: Option<String>,
    /// Shares of the traffic, such as web=1,web-east=2
    #[arg(long, value_name = "BACKEND=SHARE,…")]
    pub weights: Option<String>,
    /// Ready endpoints that the primary needs: a count, or a percentage such as 50%
    #[arg(long, value_name = "COUNT")]
    pub min_ready: Option<String>,
    /// How long the primary must lack ready endpoints before failing over, such as 10s
    #[arg(long, value_name = "DURATION")]
    pub failover_delay: Option<String>,
    /// How long the primary must be ready again before failing back, such as 30s
    #[arg(long, value_name = "DURATION")]
    pub failback_delay: Option<String>,
    /// Whether to fail back automatically, or only when someone runs `failback`
    #[arg(long, value_name = "MODE", value_parser = PossibleValuesParser::new(FAILBACKS.map(|(name, _)| name)))]
    pub failback: Option<String>,
    /// Ready endpoints that the primary needs to get its traffic back: a count, or a percentage of
    /// those that exist or that it had, such as 50% [default: as --min-ready]
    #[arg(long, value_name = "COUNT")]
    pub failback_ready: Option<String>,
}
