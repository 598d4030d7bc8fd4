//! The arguments of `failback`.

use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};

use super::spec::CommandSpec;
use super::values::{parse_duration, parse_identifier};
use super::{ChangeArgs, Danger, GroupsArgs, TrafficWaitArgs};
use crate::access::rights::RbacCommand;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover failback web-svc-failover
  kubectl failover failback web-svc --when-ready --timeout 10m --yes
  kubectl failover failback web-svc --wait --timeout 1m --yes
  kubectl failover failback web-svc --wait --traffic --yes
  kubectl failover failback --id CHG-77 -A --yes
  kubectl failover failback --all --allow=others --yes",
)
.needs(RbacCommand::Failback);

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("waits").multiple(true))]
pub struct FailbackArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    #[command(flatten)]
    pub forces: ForceFilterArgs,
    /// Wait until the primary has enough ready endpoints, then fail back
    #[arg(long, group = "waits")]
    pub when_ready: bool,
    /// Wait until the traffic is back on the primary
    #[arg(long, group = "waits")]
    pub wait: bool,
    /// How long to wait in total; then exit with 3 [default: no limit for --when-ready, 30s for --wait, 2m
    /// for --traffic]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "waits")]
    pub timeout: Option<Duration>,
    #[command(flatten)]
    pub traffic: TrafficWaitArgs,
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

/// Which forces are meant.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub struct ForceFilterArgs {
    /// Only groups that this user forced, on any machine or as USER@HOST
    #[arg(long, value_name = "USER")]
    pub by: Option<String>,
    /// Only groups forced with this --id
    #[arg(long, value_name = "ID", value_parser = parse_identifier)]
    pub id: Option<String>,
    /// Only groups forced for a reason that contains this text
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub forced_reason: Option<String>,
}

impl ForceFilterArgs {
    pub fn is_set(&self) -> bool {
        self.names_forces() || self.forced_reason.is_some()
    }

    /// Whether they say whose or which forces are meant.
    pub fn names_forces(&self) -> bool {
        self.by.is_some() || self.id.is_some()
    }
}
