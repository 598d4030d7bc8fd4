//! The arguments of `install` and `uninstall`.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, ValueEnum};

use super::spec::CommandSpec;
use crate::access::rights::RbacCommand;
use crate::view::manifest::ObjectFormat;

pub const INSTALL: CommandSpec = CommandSpec::new(
    "\
The namespace is linkerd-failover, unless -n names another one. Values are those of the Helm chart.

Examples:
  kubectl failover install | kubectl apply -f -
  kubectl failover install --ha --set maxMoves=20/1m | kubectl apply -f -
  kubectl failover install --set 'namespaces={emojivoto,shop}' --values values.yaml
  kubectl failover install --ignore-cluster --output json",
)
.needs(RbacCommand::Install);

pub const UNINSTALL: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover uninstall --output name
  kubectl failover uninstall | kubectl delete -f -
  kubectl failover uninstall --allow away,paused | kubectl delete -f -",
)
.needs(RbacCommand::Uninstall);

#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Use the values for production: more replicas, spread over hosts, with a priority
    #[arg(long)]
    pub ha: bool,
    /// Set values of the chart, such as replicas=3 or image.tag=1.0 (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Read values of the chart from this file (repeatable)
    #[arg(short = 'f', long, value_name = "FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub values: Vec<PathBuf>,
    /// Ask no cluster what is installed in it
    #[arg(long)]
    pub ignore_cluster: bool,
    /// Skip this safety check (repeatable)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<InstallDanger>,
    /// Output format
    #[arg(short, long, value_enum, default_value = "yaml", value_name = "FORMAT")]
    pub output: ObjectFormat,
}

#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// Skip this safety check (repeatable)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<UninstallDanger>,
    /// Output format
    #[arg(short, long, value_enum, default_value = "yaml", value_name = "FORMAT")]
    pub output: ObjectFormat,
}

/// A reason not to install; `--allow` names the ones to ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InstallDanger {
    /// Other programs are in the namespace, and its labels would change
    Occupied,
}

/// A reason not to uninstall; `--allow` names the ones to ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum UninstallDanger {
    /// Traffic is away from the primary of a group
    Away,
    /// A force keeps the traffic of a group on a backend
    Overridden,
    /// A group is paused
    Paused,
}
