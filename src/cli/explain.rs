//! The arguments of `explain`, `options` and `version`.

use clap::{Args, ValueEnum};

use super::spec::CommandSpec;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover explain
  kubectl failover explain OutOfSync
  kubectl failover explain unattended
  kubectl failover explain min-ready
  kubectl failover explain 4",
);

pub const OPTIONS: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover options",
);

pub const VERSION: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover version
  kubectl failover version --client
  kubectl failover version --all-namespaces --output json",
);

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A state, flag, annotation or exit code [default: list them]
    pub topic: Option<String>,
}

#[derive(Debug, Args)]
pub struct VersionArgs {
    /// Only this program's version; needs no cluster
    #[arg(long)]
    pub client: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: DocumentFormat,
}

/// Text, or a document for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    #[default]
    Text,
    Json,
    Yaml,
}
