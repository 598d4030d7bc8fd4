//! The arguments of `migrate`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::spec::CommandSpec;
use super::values::{parse_kind, parse_timeout};
use super::{ChangeArgs, GroupsArgs};
use crate::access::rights::RbacCommand;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover migrate web-svc-failover --dry-run=client
  kubectl failover migrate web-svc-failover
  kubectl failover migrate web-svc --to grpcroute --port 8080 --yes
  kubectl failover migrate --all --yes --timeout 5m
  kubectl failover migrate web-svc --undo",
)
.needs(RbacCommand::Migrate);

#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    /// Kind of route: httproute, grpcroute, or httproute.policy.linkerd.io for Linkerd's own
    /// [default: httproute]
    #[arg(long, value_name = "KIND", value_parser = parse_kind, conflicts_with = "undo")]
    pub to: Option<String>,
    /// Replace routes that migrate created with TrafficSplits again, or cancel an unfinished migration
    #[arg(long)]
    pub undo: bool,
    /// Port of the service that the route is for [default: the service's only port]
    #[arg(long, value_name = "PORT", conflicts_with = "undo", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Name of the route [default: the TrafficSplit's name]
    #[arg(long, conflicts_with_all = ["undo", "all", "selector"])]
    pub name: Option<String>,
    /// How long to wait until the new object is in effect, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout, default_value = "1m")]
    pub timeout: Duration,
    /// Skip this safety check (repeatable)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<MigrateDanger>,
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// A reason to refuse a migration; `--allow` names the ones to ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MigrateDanger {
    /// Traffic is not where clients that are running would send it
    Away,
    /// Another object routes the same service, so the new object may have no effect
    Conflict,
    /// A GitOps tool owns the object and may create it again
    Gitops,
    /// Linkerd does not accept the route, or makes no ServiceProfile of the TrafficSplit
    Unaccepted,
    /// What runs the group now would not run the new object
    Unattended,
}
