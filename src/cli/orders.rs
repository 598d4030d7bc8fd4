//! The commands that change groups by hand.

use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use super::values::{parse_duration, parse_lasting};
use super::{DryRun, RemoteArgs, StreamFormat};

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
    #[command(flatten)]
    pub remotes: RemoteArgs,
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
    #[arg(long, value_name = "DURATION", value_parser = parse_lasting, allow_hyphen_values = true)]
    pub duration: Option<Duration>,
    /// With --duration: stay, and end it when its time is over or on Ctrl-C. Without: wait until the traffic is where
    /// it was asked
    #[arg(long)]
    pub wait: bool,
    /// How long to wait at the most; then exit 3, and the override goes on [default: until its end, or else 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "wait")]
    pub timeout: Option<Duration>,
    /// Go on in spite of this; may be repeated
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<Danger>,
    #[command(flatten)]
    pub change: ChangeArgs,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("waits").multiple(true))]
pub struct FailbackArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    /// Wait until the primary has enough ready endpoints, then move
    #[arg(long, group = "waits")]
    pub when_ready: bool,
    /// Afterwards, wait until the traffic is at home
    #[arg(long, group = "waits")]
    pub wait: bool,
    /// How long to wait at the most, in all; then exit 3 [default: --when-ready without end, --wait 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "waits")]
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
    #[arg(long, value_name = "DURATION", value_parser = parse_lasting, allow_hyphen_values = true)]
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
