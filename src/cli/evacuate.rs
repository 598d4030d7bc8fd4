//! The arguments of `evacuate` and `return`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::spec::CommandSpec;
use super::values::{parse_duration, parse_identifier, parse_positive_duration};
use super::{ContextArgs, Danger, DryRunArgs, LocalNameArgs, RemoteArgs};
use crate::access::rights::RbacCommand;

pub const EVACUATE: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover evacuate east --all-contexts --dry-run
  kubectl failover evacuate east --contexts west,east --id CHG-77 --reason maintenance
  kubectl failover evacuate east --contexts west,east --id CHG-77 --duration 4h --yes
  kubectl failover evacuate east --all-contexts --id CHG-77 --batch 10 --pause 30s
  kubectl failover evacuate east -n shop --dry-run --output json",
)
.needs(RbacCommand::Evacuate);

pub const RETURN: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover return east --id CHG-77 --all-contexts
  kubectl failover return east --id CHG-77 --contexts west,east --dry-run
  kubectl failover return east --id CHG-77 --all-contexts --when-ready --timeout 30m --yes
  kubectl failover return east --id CHG-77 --all-contexts --batch 10 --pause 30s",
)
.needs(RbacCommand::Return);

/// What `evacuate --allow` takes.
pub const EVACUATE_DANGERS: &[Danger] = &[
    Danger::Conflict,
    Danger::Others,
    Danger::Paused,
    Danger::Gitops,
];

/// What `return --allow` takes.
pub const RETURN_DANGERS: &[Danger] = &[
    Danger::Unready,
    Danger::Short,
    Danger::Unknown,
    Danger::Paused,
    Danger::Gitops,
];

#[derive(Debug, Args)]
pub struct EvacuateArgs {
    /// Cluster, as the mirrors of its services call it, or the name of its context
    #[arg(value_name = "CLUSTER")]
    pub evacuated: String,
    /// Identifier, such as CHG-77, by which `return` ends the evacuation. `evacuate` with the same one goes
    /// on with it [default: one from the cluster's name and the time]
    #[arg(long, value_name = "ID", value_parser = parse_identifier)]
    pub id: Option<String>,
    /// Expire after this long, such as 4h
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration, allow_hyphen_values = true)]
    pub duration: Option<Duration>,
    /// Reason, shown in status and history
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Skip this safety check (repeatable)
    #[arg(
        long,
        value_parser = Danger::parser(EVACUATE_DANGERS),
        value_delimiter = ',',
        value_name = "DANGER"
    )]
    pub allow: Vec<Danger>,
    #[command(flatten)]
    pub many: ManyArgs,
}

#[derive(Debug, Args)]
pub struct ReturnArgs {
    /// The cluster that was evacuated
    #[arg(value_name = "CLUSTER")]
    pub evacuated: String,
    /// The identifier of the evacuation to end; without it, those of the cluster are listed
    #[arg(long, value_name = "ID", value_parser = parse_identifier)]
    pub id: Option<String>,
    /// Wait until the backends there have enough ready endpoints, then return
    #[arg(long)]
    pub when_ready: bool,
    /// How long to wait for --when-ready; then return what is ready and exit with 3 [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "when_ready")]
    pub timeout: Option<Duration>,
    /// Skip this safety check (repeatable)
    #[arg(
        long,
        value_parser = Danger::parser(RETURN_DANGERS),
        value_delimiter = ',',
        value_name = "DANGER"
    )]
    pub allow: Vec<Danger>,
    #[command(flatten)]
    pub many: ManyArgs,
}

/// How a command changes the groups of several clusters.
#[derive(Debug, Args)]
pub struct ManyArgs {
    #[command(flatten)]
    pub contexts: ContextArgs,
    /// Move this many groups at a time, and look at them before the next ones [default: all at once]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: Option<u32>,
    /// With --batch: how long to watch the groups that were moved before the next batch
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, default_value = "30s", requires = "batch")]
    pub pause: Duration,
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// Skip the confirmation prompt
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ManyFormat,
    #[command(flatten)]
    pub remotes: RemoteArgs,
    #[command(flatten)]
    pub local_names: LocalNameArgs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ManyFormat {
    #[default]
    Table,
    /// A line for each group, however many there are
    Wide,
    Json,
    Yaml,
}
