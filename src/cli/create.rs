//! Making groups, and setting their policies.

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::orders::{ChangeArgs, Danger, GroupsArgs};
use super::values::parse_kind;
use super::{DryRun, ObjectFormat, RemoteArgs};
use crate::resource::annotations::POLICY_KEYS;
use crate::resource::policy::{FAILBACKS, POLICIES};

/// Who runs a group, where nobody else is named.
pub const USUAL_CONTROLLER: &str = "linkerd-failover";

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Service that clients call (the apex)
    #[arg(required_unless_present = "adopt", conflicts_with = "adopt")]
    pub service: Option<String>,
    /// Service that takes over when the primary has no ready endpoints; may be repeated. Those of a route may be in
    /// other namespaces: NAMESPACE/SERVICE
    #[arg(
        long,
        required_unless_present = "adopt",
        conflicts_with = "adopt",
        value_name = "SERVICE"
    )]
    pub fallback: Vec<String>,
    /// Service that should have the traffic [default: SERVICE]
    #[arg(long, value_name = "SERVICE")]
    pub primary: Option<String>,
    /// Kind of object to make: trafficsplit, httproute, grpcroute or, for Linkerd's own,
    /// httproute.policy.linkerd.io [default: trafficsplit]
    #[arg(long, value_name = "KIND", value_parser = parse_kind, conflicts_with = "adopt")]
    pub kind: Option<String>,
    /// Port of the service whose traffic a route shares out [default: the service's only one]
    #[arg(long, value_name = "PORT", conflicts_with = "adopt", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Name of the object [default: SERVICE-failover]
    #[arg(long, conflicts_with = "adopt")]
    pub name: Option<String>,
    /// Make a group of an object that is there: only its label and our annotations change
    #[arg(long, value_name = "KIND/NAME")]
    pub adopt: Option<String>,
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Value of the label failover.linkerd.io/controlled-by
    #[arg(long, value_name = "VALUE", default_value = USUAL_CONTROLLER)]
    pub controlled_by: String,
    /// Let services through that do not exist (yet)
    #[arg(long)]
    pub allow_missing: bool,
    /// Only show what would be made; `server` has the API server check it too
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub dry_run: DryRun,
    /// Print the object in this format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<ObjectFormat>,
    #[command(flatten)]
    pub remotes: RemoteArgs,
}

/// How a group's traffic is to be shared, and when it moves.
#[derive(Debug, Clone, Default, Args)]
pub struct PolicyArgs {
    /// Who takes over: all ready fallbacks share, the first ready one in the order listed, or every ready backend
    /// has its share all the time
    #[arg(long, value_name = "POLICY", value_parser = PossibleValuesParser::new(POLICIES.map(|(name, _)| name)))]
    pub policy: Option<String>,
    /// Shares of the traffic, such as web=1,web-east=2
    #[arg(long, value_name = "BACKEND=SHARE,…")]
    pub weights: Option<String>,
    /// How many ready endpoints the primary needs: a count, or a percentage such as 50%
    #[arg(long, value_name = "COUNT")]
    pub min_ready: Option<String>,
    /// How long the primary must have been short before traffic leaves it, such as 10s
    #[arg(long, value_name = "DURATION")]
    pub failover_delay: Option<String>,
    /// How long the primary must have been enough before traffic returns, such as 30s
    #[arg(long, value_name = "DURATION")]
    pub failback_delay: Option<String>,
    /// Whether traffic returns by itself, or when someone runs `failback`
    #[arg(long, value_name = "MODE", value_parser = PossibleValuesParser::new(FAILBACKS.map(|(name, _)| name)))]
    pub failback: Option<String>,
}

#[derive(Debug, Args)]
pub struct SetArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Backend that should have the traffic
    #[arg(long, value_name = "BACKEND")]
    pub primary: Option<String>,
    /// Go back to the default of this; may be repeated
    #[arg(long, value_name = "KEY", value_delimiter = ',', value_parser = PossibleValuesParser::new(POLICY_KEYS))]
    pub unset: Vec<String>,
    /// Go on in spite of this
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<Danger>,
    #[command(flatten)]
    pub change: ChangeArgs,
}
