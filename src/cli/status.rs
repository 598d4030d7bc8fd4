//! The arguments of `status`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::spec::CommandSpec;
use super::values::parse_duration;
use super::{ContextArgs, LocalNameArgs, RemoteArgs};
use crate::access::rights::RbacCommand;
use crate::model::Condition;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover status
  kubectl failover status web-svc --output wide
  kubectl failover status --all-namespaces --output json
  kubectl failover status --context west --namespace emojivoto
  kubectl failover status --watch
  kubectl failover status --watch --contexts west,east
  kubectl failover status web-svc --for Failover --timeout 1m
  kubectl failover status --for 'active=web-svc-east' --for '!redundant'
  kubectl failover status --exit-code --output json
  kubectl failover status --remote east=east-context
  kubectl failover status --contexts west,east --all-namespaces
  kubectl failover status --all-contexts --output json
  kubectl failover status --by-cluster --contexts west,east --all-namespaces",
)
.needs(RbacCommand::Status);

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Groups: NAME, KIND/NAME, or the service that clients call [default: all]
    pub names: Vec<String>,
    /// Only groups with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    #[command(flatten)]
    pub contexts: ContextArgs,
    /// Show a row for each cluster that backends are in: the groups that it carries and could carry
    #[arg(long, conflicts_with_all = ["watch", "conditions", "exit_code"])]
    pub by_cluster: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: StatusFormat,
    /// Wait until every group meets this condition: a state, a flag or active=BACKEND. `!` negates, a
    /// comma means "or"; if repeated, all must hold. Exits with 3 on timeout
    #[arg(long = "for", value_name = "CONDITION", conflicts_with_all = ["watch", "exit_code", "contexts", "all_contexts"])]
    pub conditions: Vec<Condition>,
    /// How long to wait for --for; 0s checks once [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "conditions")]
    pub timeout: Option<Duration>,
    /// Exit with 3 unless there are groups and all of them are Primary or Active
    #[arg(long, conflicts_with = "watch")]
    pub exit_code: bool,
    /// Keep showing changes: a live table on a terminal, else a line per change, or JSON Lines with
    /// `-o json`
    #[arg(short, long)]
    pub watch: bool,
    #[command(flatten)]
    pub remotes: RemoteArgs,
    #[command(flatten)]
    pub local_names: LocalNameArgs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    #[default]
    Table,
    Wide,
    Json,
    Yaml,
    Name,
}
