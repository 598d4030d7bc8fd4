//! The arguments of `force`.

use std::time::Duration;

use clap::Args;

use super::spec::CommandSpec;
use super::values::{parse_duration, parse_identifier, parse_positive_duration};
use super::{ChangeArgs, Danger, GroupsArgs, TrafficWaitArgs};
use crate::access::rights::RbacCommand;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover force web-svc-failover
  kubectl failover force web-svc --to web-svc-east --duration 30m --reason 'game day'
  kubectl failover force web-svc --to web-svc-east --wait --timeout 1m --yes
  kubectl failover force web-svc --to web-svc-east --wait --traffic --from deploy/vote-bot --yes
  kubectl failover force web-svc --to web-svc-east --duration 30m --wait --yes
  kubectl failover force -l team=shop --id CHG-77 --reason 'node upgrade' --yes
  kubectl failover force --all --yes --allow=unknown",
)
.needs(RbacCommand::Force);

#[derive(Debug, Args)]
pub struct ForceArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    /// Backend to send the traffic to [default: the fallback, if there is only one]
    #[arg(long, value_name = "BACKEND")]
    pub to: Option<String>,
    /// Reason, shown in status and history
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Identifier, such as CHG-77. `failback --id` ends every force that has it
    #[arg(long, value_name = "ID", value_parser = parse_identifier)]
    pub id: Option<String>,
    /// Expire after this long, such as 30m
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration, allow_hyphen_values = true)]
    pub duration: Option<Duration>,
    /// Wait until the traffic has moved. With --duration, stay until it expires and fail back then, or
    /// on Ctrl-C
    #[arg(long)]
    pub wait: bool,
    /// How long to wait; then exit with 3 and leave the traffic forced [default: --duration, else 30s, or
    /// 2m with --traffic]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "wait")]
    pub timeout: Option<Duration>,
    #[command(flatten)]
    pub traffic: TrafficWaitArgs,
    /// Skip this safety check (repeatable)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<Danger>,
    #[command(flatten)]
    pub change: ChangeArgs,
}
