//! The arguments of `check`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::spec::CommandSpec;
use super::values::{parse_bool, parse_duration};
use super::{ContextArgs, RemoteArgs};
use crate::access::rights::RbacCommand;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Without -n, groups are checked in all namespaces, and permissions in the context's namespace.

Examples:
  kubectl failover check
  kubectl failover check --pre
  kubectl failover check --wait 5m --output short
  kubectl failover check --contexts west,east
  kubectl failover check --rbac watch -n emojivoto | kubectl apply -f -",
)
.needs(RbacCommand::Check);

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Check only what is needed before the first use
    #[arg(
        long, value_name = "BOOL", value_parser = parse_bool, action = clap::ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true
    )]
    pub pre: bool,
    /// Also check whether the pods of the groups' services are meshed
    #[arg(
        long, value_name = "BOOL", value_parser = parse_bool, action = clap::ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true
    )]
    pub proxy: bool,
    /// How long to retry checks that may still pass, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, default_value = "0s")]
    pub wait: Duration,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: CheckFormat,
    /// Print the least Role that a command needs (a ClusterRole with -A, and for install), and check nothing
    #[arg(long, value_enum, value_name = "COMMAND", conflicts_with_all = ["pre", "proxy", "output", "contexts", "all_contexts"])]
    pub rbac: Option<RbacCommand>,
    /// With --rbac watch: the label selector that the watch will have
    #[arg(short = 'l', long, value_name = "LABELS", requires = "rbac")]
    pub selector: Option<String>,
    /// With --rbac create or set: also the rights that --breaker needs
    #[arg(long, requires = "rbac")]
    pub breaker: bool,
    #[command(flatten)]
    pub contexts: ContextArgs,
    #[command(flatten)]
    pub remotes: RemoteArgs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    #[default]
    Table,
    /// A line for each group, however many have the same problem
    Wide,
    Json,
    /// Only what is wrong, each problem once
    Short,
}
