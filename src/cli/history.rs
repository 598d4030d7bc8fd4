//! The arguments of `history`.

use clap::{Args, ValueEnum};

use super::spec::CommandSpec;
use crate::access::rights::RbacCommand;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover history
  kubectl failover history web-svc --output wide
  kubectl failover history --all-namespaces --output json",
)
.needs(RbacCommand::History);

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Groups: NAME, KIND/NAME, or the service that clients call [default: all]
    pub names: Vec<String>,
    /// Only groups with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: HistoryFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    #[default]
    Table,
    Wide,
    Json,
    Yaml,
}
