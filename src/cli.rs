//! The command line, as clap sees it, and nothing else.

mod examples;
mod global;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
pub use global::GlobalArgs;
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

/// Which groups a command changes.
#[derive(Debug, Args)]
pub struct GroupsArgs {
    /// Groups: NAME, KIND/NAME, or the service that clients call
    pub names: Vec<String>,
    /// All groups with these labels
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "names")]
    pub selector: Option<String>,
    /// All groups
    #[arg(long, conflicts_with_all = ["names", "selector"])]
    pub all: bool,
}

/// How a command changes groups.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// Only show what would change; `server` has the API server check it too
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub dry_run: DryRun,
    /// Do not ask
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: StreamFormat,
}

#[derive(Debug, Args)]
pub struct ForceArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    /// Backend that is to have the traffic [default: the fallback, where there is just one]
    #[arg(long, value_name = "BACKEND")]
    pub to: Option<String>,
    /// Why, for those who look at it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// End by itself after this long, such as 30m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Stay, and end it when its time is over or on Ctrl-C
    #[arg(long, requires = "duration")]
    pub wait: bool,
    /// Go on in spite of this; may be repeated
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<Danger>,
    #[command(flatten)]
    pub change: ChangeArgs,
}

#[derive(Debug, Args)]
pub struct FailbackArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    /// Wait until the primary has enough ready endpoints, then move
    #[arg(long)]
    pub when_ready: bool,
    /// How long to wait [default: without end]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "when_ready")]
    pub timeout: Option<Duration>,
    /// Backend to go back to, where the override does not name one
    #[arg(long, value_name = "BACKEND")]
    pub home: Option<String>,
    /// Why, for those who look at it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Go on in spite of this; may be repeated
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<Danger>,
    #[command(flatten)]
    pub change: ChangeArgs,
}

#[derive(Debug, Args)]
pub struct PauseArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    /// End by itself after this long, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Why, for those who look at it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub change: ChangeArgs,
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// What a change by hand is refused for, unless it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Danger {
    /// The backend has no ready endpoint, or not enough
    Unready,
    /// Whether the backend is ready can't be known
    Unknown,
    /// Another object routes the same service, so that the change may have no effect
    Conflict,
    /// A GitOps tool owns the object and may put it back
    Gitops,
}

#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Start the clusters; they stay until `sandbox down`
    #[command(after_help = examples::SANDBOX_UP)]
    Up(SandboxUpArgs),
    /// Stop the clusters and remove their data
    #[command(after_help = examples::SANDBOX_DOWN)]
    Down,
    /// Show what runs
    #[command(after_help = examples::SANDBOX_STATUS)]
    Status,
    /// Play the whole story: outage in west, failover to east, recovery, failback
    #[command(after_help = examples::SANDBOX_DEMO)]
    Demo(SandboxUpArgs),
    /// Start clusters, run a command with KUBECONFIG set, and stop them again
    #[command(after_help = examples::SANDBOX_RUN)]
    Run(SandboxRunArgs),
    /// Take a cluster's gateway down, or bring it up
    #[command(after_help = examples::SANDBOX_GATEWAY)]
    Gateway(SandboxGatewayArgs),
    /// Keep the clusters running (started by the other sandbox commands)
    #[command(hide = true)]
    Supervise(SandboxSuperviseArgs),
    /// Become PROGRAM, to be killed when the parent ends (started by `supervise`)
    #[command(hide = true)]
    Guard(SandboxGuardArgs),
}

#[derive(Debug, Clone, Args)]
pub struct SandboxUpArgs {
    /// Names of the clusters
    #[arg(long, value_delimiter = ',', default_value = "west,east", value_name = "NAMES")]
    pub clusters: Vec<String>,
    /// Take the control plane's programs from this folder instead of building them
    #[arg(long, value_name = "DIR")]
    pub assets: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SandboxRunArgs {
    #[command(flatten)]
    pub up: SandboxUpArgs,
    /// Command to run
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Args)]
pub struct SandboxGatewayArgs {
    /// Cluster whose gateway it is
    pub cluster: String,
    /// What becomes of it
    #[arg(value_enum)]
    pub state: GatewayState,
}

#[derive(Debug, Args)]
pub struct SandboxSuperviseArgs {
    /// Folder of this sandbox's data
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub up: SandboxUpArgs,
    /// End when standard input is closed
    #[arg(long)]
    pub until_stdin_closes: bool,
    /// Leave the emojivoto services out
    #[arg(long)]
    pub bare: bool,
}

#[derive(Debug, Args)]
pub struct SandboxGuardArgs {
    /// Process id of the parent
    #[arg(long)]
    pub parent: u32,
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub command: Vec<std::ffi::OsString>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GatewayState {
    Up,
    Down,
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
