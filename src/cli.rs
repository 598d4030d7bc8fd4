//! The command line, as clap sees it, and nothing else.

mod examples;
mod global;
mod orders;
mod sandbox;
mod values;

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
pub use global::GlobalArgs;
pub use orders::{ChangeArgs, Danger, FailbackArgs, ForceArgs, GroupsArgs, PauseArgs, ResumeArgs};
pub use sandbox::{
    GatewayState, SandboxCommand, SandboxGatewayArgs, SandboxGuardArgs, SandboxRunArgs, SandboxSuperviseArgs,
    SandboxUpArgs,
};
use values::{parse_bool, parse_duration};

use crate::rights::Task;

use crate::model::Condition;

/// Move a service's traffic to its fallbacks when its primary has no ready endpoints, and back.
#[derive(Debug, Parser)]
#[command(name = "kubectl-failover", bin_name = "kubectl failover", version, max_term_width = 100)]
#[command(after_help = examples::ROOT)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a failover group for a service
    #[command(after_help = examples::CREATE)]
    Create(CreateArgs),
    /// Show the groups: where their traffic goes, and why
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// Show the moves that are known, the newest first
    #[command(after_help = examples::HISTORY)]
    History(HistoryArgs),
    /// Run the loop: move traffic when primaries go down, and back
    #[command(after_help = examples::WATCH)]
    Watch(WatchArgs),
    /// Check that this cluster and this user can do all of it
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Move the traffic to a backend by hand, and keep it there
    #[command(after_help = examples::FORCE)]
    Force(ForceArgs),
    /// End a force, or a stay on a fallback, and move the traffic home
    #[command(after_help = examples::FAILBACK)]
    Failback(FailbackArgs),
    /// Have the loop leave groups alone
    #[command(after_help = examples::PAUSE)]
    Pause(PauseArgs),
    /// Have the loop take groups up again
    #[command(after_help = examples::RESUME)]
    Resume(ResumeArgs),
    /// Real control planes on this machine, to try and to test everything on
    #[command(subcommand, after_help = examples::SANDBOX)]
    Sandbox(SandboxCommand),
    /// Print the completion script for a shell
    #[command(after_help = examples::COMPLETION)]
    Completion(CompletionArgs),
}

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Service that clients call (the apex)
    pub service: String,
    /// Service that takes over when the primary has no ready endpoints; may be repeated
    #[arg(long, required = true, value_name = "SERVICE")]
    pub fallback: Vec<String>,
    /// Service that should have the traffic [default: SERVICE]
    #[arg(long, value_name = "SERVICE")]
    pub primary: Option<String>,
    /// Name of the object [default: SERVICE-failover]
    #[arg(long)]
    pub name: Option<String>,
    /// Value of the label failover.linkerd.io/controlled-by
    #[arg(long, value_name = "VALUE", default_value = "linkerd-failover")]
    pub controlled_by: String,
    /// Let services through that do not exist (yet)
    #[arg(long)]
    pub allow_missing: bool,
    /// Only show what would be made; `server` has the API server check it too
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub dry_run: DryRun,
    /// Print the object in this format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<ObjectFormat>,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Groups: NAME, KIND/NAME, or the service that clients call [default: all]
    pub names: Vec<String>,
    /// Only groups with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: StatusFormat,
    /// Wait until this is true of every group: a state, a flag or active=BACKEND; `!` negates, a comma means
    /// "or"; repeated, all must be true. Exit 3 when it is not in time
    #[arg(long = "for", value_name = "CONDITION", conflicts_with_all = ["watch", "exit_code"])]
    pub conditions: Vec<Condition>,
    /// How long to wait; 0s looks once [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "conditions")]
    pub timeout: Option<Duration>,
    /// Exit 3 unless there is a group and every group is Primary or Active
    #[arg(long, conflicts_with = "watch")]
    pub exit_code: bool,
    /// Go on and show each change: a live table on a terminal, a line per change elsewhere, JSON Lines with `-o json`
    #[arg(short, long)]
    pub watch: bool,
}

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Groups: NAME, KIND/NAME, or the service that clients call [default: all]
    pub names: Vec<String>,
    /// Only groups with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: HistoryFormat,
}

#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Only groups with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Bring every group to where it belongs, then stop
    #[arg(long)]
    pub once: bool,
    /// Say what would be done, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: StreamFormat,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Check only what must hold before the first use
    #[arg(
        long, value_name = "BOOL", value_parser = parse_bool, action = clap::ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true
    )]
    pub pre: bool,
    /// Check too whether the pods behind the groups' services are meshed
    #[arg(
        long, value_name = "BOOL", value_parser = parse_bool, action = clap::ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_value = "false", default_missing_value = "true", hide_default_value = true
    )]
    pub proxy: bool,
    /// How long to wait for what may mend itself, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "0s")]
    pub wait: Duration,
    /// Print in this format; short leaves out what is well
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: CheckFormat,
    /// Print the least Role that a command needs (with -A, the ClusterRole), and check nothing
    #[arg(long, value_enum, value_name = "COMMAND", conflicts_with_all = ["pre", "proxy", "output"])]
    pub rbac: Option<Task>,
}

#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Shell to complete in
    #[arg(value_enum)]
    pub shell: CompletionShell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompletionShell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    #[default]
    None,
    Client,
    Server,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ObjectFormat {
    Yaml,
    Json,
    Name,
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

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    #[default]
    Table,
    Json,
    Short,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    #[default]
    Table,
    Wide,
    Json,
    Yaml,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum StreamFormat {
    #[default]
    Text,
    Json,
}
