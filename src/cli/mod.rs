//! The command line, as clap sees it, and nothing else.

pub mod argv0;
pub mod create;
pub mod examples;
pub mod global;
pub mod orders;
pub mod remotes;
pub mod sandbox;
pub mod values;

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
pub use create::{CreateArgs, PolicyArgs, SetArgs, USUAL_CONTROLLER};
pub use global::GlobalArgs;
pub use orders::{ChangeArgs, Danger, FailbackArgs, ForceArgs, GroupsArgs, PauseArgs, ResumeArgs};
pub use remotes::RemoteArgs;
pub use sandbox::{
    GatewayState, PartitionState, SandboxCommand, SandboxDemoArgs, SandboxGatewayArgs,
    SandboxGuardArgs, SandboxPartitionArgs, SandboxRunArgs, SandboxSuperviseArgs, SandboxUpArgs,
};
pub use values::{CommandWords, Found};
use values::{parse_address, parse_bool, parse_command, parse_duration, parse_max_moves};

use crate::access::rights::RbacCommand;
use crate::model::{Condition, MaxMoves};

/// Move a service's traffic to its fallbacks when its primary has no ready endpoints, and back.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-failover",
    bin_name = "kubectl failover",
    version,
    max_term_width = 100
)]
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
    /// Change the policy or the primary of groups
    #[command(after_help = examples::SET)]
    Set(SetArgs),
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

impl Command {
    /// How it says what goes to standard error.
    pub fn log_format(&self) -> LogFormat {
        match self {
            Self::Watch(args) => args.log_format,
            _ => LogFormat::Text,
        }
    }
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Groups: NAME, KIND/NAME, or the service that clients call [default: all]
    pub names: Vec<String>,
    /// Only groups with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// The groups of all these contexts of the kubeconfig, such as west,east
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["watch", "conditions"])]
    pub contexts: Vec<String>,
    /// The groups of every context of the kubeconfig
    #[arg(long, conflicts_with_all = ["contexts", "watch", "conditions"])]
    pub all_contexts: bool,
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: StatusFormat,
    /// Wait until this is true of every group: a state, a flag or active=BACKEND; `!` negates, a comma means
    /// "or"; repeated, all must be true. Exit 3 when it is not in time
    #[arg(long = "for", value_name = "CONDITION", conflicts_with_all = ["watch", "exit_code"])]
    pub conditions: Vec<Condition>,
    /// How long to wait; 0s looks once [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "conditions")]
    pub timeout: Option<Duration>,
    /// Exit 3 unless there is a group and every group is Primary or Active
    #[arg(long, conflicts_with = "watch")]
    pub exit_code: bool,
    /// Go on and show each change: a live table on a terminal, a line per change elsewhere, JSON Lines with `-o json`
    #[arg(short, long)]
    pub watch: bool,
    #[command(flatten)]
    pub remotes: RemoteArgs,
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
    /// Run a loop for each of these contexts of the kubeconfig, such as west,east
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub contexts: Vec<String>,
    /// Bring every group to where it belongs, then stop
    #[arg(long, group = "end")]
    pub once: bool,
    /// Stop when this is true of every group, as with `status --for`; repeated, all must be true
    #[arg(
        long,
        value_name = "CONDITION",
        group = "end",
        conflicts_with = "contexts"
    )]
    pub until: Vec<Condition>,
    /// How long --once or --until may take; exit 3 when it was not enough
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "end")]
    pub timeout: Option<Duration>,
    /// Stop well after this time
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, conflicts_with = "end")]
    pub run_for: Option<Duration>,
    /// Run this program for each move: its arguments are split at blanks, quotes hold words together, and no shell
    /// runs unless it is named; the move is in its environment (FAILOVER_GROUP, FAILOVER_TO …), and as JSON on its
    /// standard input
    #[arg(long, value_name = "COMMAND", value_parser = parse_command)]
    pub on_transition: Option<CommandWords>,
    /// Serve /metrics for Prometheus, /healthz and /readyz here: a port of this machine alone, or IP:PORT
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub metrics: Option<SocketAddr>,
    /// Format of what goes to standard error; as JSON, an object a line, with one for each move
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Say what would be done, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Move no more groups than this in a span of time, such as 20/1m; the others wait
    #[arg(long, value_name = "N/DURATION", value_parser = parse_max_moves)]
    pub max_moves: Option<MaxMoves>,
    /// Run groups that Linkerd's own failover controller runs too, as far as both come to the same answer
    #[arg(long)]
    pub alongside_upstream: bool,
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: StreamFormat,
    #[command(flatten)]
    pub remotes: RemoteArgs,
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
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, default_value = "0s")]
    pub wait: Duration,
    /// Print in this format; short leaves out what is well
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: CheckFormat,
    /// Print the least Role that a command needs (with -A, the ClusterRole), and check nothing
    #[arg(long, value_enum, value_name = "COMMAND", conflicts_with_all = ["pre", "proxy", "output"])]
    pub rbac: Option<RbacCommand>,
    #[command(flatten)]
    pub remotes: RemoteArgs,
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

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}
