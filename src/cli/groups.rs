//! The arguments that `force`, `failback`, `set`, `pause` and `resume` share.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::{DryRunArgs, RemoteArgs};
use crate::model::fold::MAX_SINGLE_GROUPS;

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

impl GroupsArgs {
    /// Whether they may be more groups than the user thinks of.
    pub fn may_be_many(&self) -> bool {
        self.all || self.selector.is_some()
    }
}

/// How a command changes groups.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// Skip the confirmation prompt
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ChangeFormat,
    #[command(flatten)]
    pub remotes: RemoteArgs,
}

impl ChangeArgs {
    pub fn prints_json(&self) -> bool {
        self.output == ChangeFormat::Json
    }

    /// Up to how many groups with the same result have a line each.
    pub fn max_single_groups(&self) -> usize {
        match self.output {
            ChangeFormat::Wide => usize::MAX,
            ChangeFormat::Text | ChangeFormat::Json => MAX_SINGLE_GROUPS,
        }
    }
}

/// A reason to refuse a change by hand; `--allow` names the ones to ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Danger {
    /// The backend has too few ready endpoints
    Unready,
    /// The primary has fewer ready endpoints than failback-ready
    Short,
    /// The backend's readiness is unknown
    Unknown,
    /// The backend is evacuated, so that it gets no traffic until that has ended
    Evacuated,
    /// Another object routes the same service, so the change may have no effect
    Conflict,
    /// Somebody else forced the group
    Others,
    /// Somebody paused the group
    Paused,
    /// A GitOps tool owns the object and may undo the change
    Gitops,
}

impl Danger {
    /// Parses the value of `--allow` for a command that only these dangers concern.
    pub fn parser(of: &'static [Self]) -> impl TypedValueParser<Value = Self> {
        let names = of.iter().filter_map(ValueEnum::to_possible_value);
        PossibleValuesParser::new(names).try_map(|name| Self::from_str(&name, false))
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum StreamFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ChangeFormat {
    #[default]
    Text,
    /// A line for each group, however many have the same result
    Wide,
    Json,
}
