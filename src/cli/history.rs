//! The arguments of `history`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ContextArgs;
use super::spec::CommandSpec;
use super::values::{TimeLimit, parse_time_limit};
use crate::access::rights::RbacCommand;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover history
  kubectl failover history web-svc --output wide
  kubectl failover history --all-namespaces --output json
  kubectl failover history --since 2h --output markdown > post-mortem.md
  kubectl failover history --since 2026-11-26T03:00:00Z --until 2026-11-26T05:00:00Z
  kubectl failover history --contexts west,east --limit 20
  kubectl failover history --all-contexts --since 2h
  kubectl failover history --watch
  kubectl failover history --journal /var/log/failover.jsonl --output csv",
)
.needs(RbacCommand::History);

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Groups: NAME, KIND/NAME, or the service that clients call [default: all]
    pub names: Vec<String>,
    /// Only groups with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    #[command(flatten)]
    pub contexts: ContextArgs,
    /// Only events after this time, such as 2026-11-26T03:00:00Z, or not longer ago than this, such as 2h
    #[arg(long, value_name = "TIME", value_parser = parse_time_limit)]
    pub since: Option<TimeLimit>,
    /// Only events before this time, or longer ago than this
    #[arg(long, value_name = "TIME", value_parser = parse_time_limit)]
    pub until: Option<TimeLimit>,
    /// Only this many events, the newest ones
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Also read this file, which `watch --journal` has written
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Keep showing new events: one per line, the oldest first
    #[arg(short, long, conflicts_with_all = ["until", "limit"])]
    pub watch: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: HistoryFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    #[default]
    Table,
    /// Also the weights, local times, and where each event is known from
    Wide,
    Json,
    Yaml,
    /// Comma-separated values, the oldest event first
    Csv,
    /// A table for a post-mortem, the oldest event first
    Markdown,
}
