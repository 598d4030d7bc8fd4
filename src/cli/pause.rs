//! The arguments of `pause` and `resume`.

use std::time::Duration;

use clap::Args;

use super::spec::CommandSpec;
use super::values::parse_positive_duration;
use super::{ChangeArgs, GroupsArgs};
use crate::access::rights::RbacCommand;

pub const PAUSE: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover pause web-svc-failover --duration 2h --reason maintenance
  kubectl failover pause --all",
)
.needs(RbacCommand::Pause);

pub const RESUME: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover resume web-svc-failover
  kubectl failover resume --all",
)
.needs(RbacCommand::Resume);

#[derive(Debug, Args)]
pub struct PauseArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    /// Expire after this long, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration, allow_hyphen_values = true)]
    pub duration: Option<Duration>,
    /// Reason, shown in status and history
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub change: ChangeArgs,
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    #[command(flatten)]
    pub change: ChangeArgs,
}
