//! The arguments of `failback`.

use std::time::Duration;

use clap::{ArgGroup, Args};

use super::spec::CommandSpec;
use super::values::parse_duration;
use super::{ChangeArgs, Danger, GroupsArgs};
use crate::access::rights::RbacCommand;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover failback web-svc-failover
  kubectl failover failback web-svc --when-ready --timeout 10m --yes
  kubectl failover failback web-svc --wait --timeout 1m --yes",
)
.needs(RbacCommand::Failback);

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("waits").multiple(true))]
pub struct FailbackArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    /// Wait until the primary has enough ready endpoints, then fail back
    #[arg(long, group = "waits")]
    pub when_ready: bool,
    /// Wait until the traffic is back on the primary
    #[arg(long, group = "waits")]
    pub wait: bool,
    /// How long to wait in total; then exit with 3 [default: no limit for --when-ready, 30s for --wait]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "waits")]
    pub timeout: Option<Duration>,
    /// Backend to fail back to, if the override does not name one
    #[arg(long, value_name = "BACKEND")]
    pub home: Option<String>,
    /// Reason, shown in status and history
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Skip this safety check (repeatable)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<Danger>,
    #[command(flatten)]
    pub change: ChangeArgs,
}
