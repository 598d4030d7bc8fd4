//! The command line: clap's definitions of the commands and flags, and each command's spec.

pub mod argv0;
pub mod check;
pub mod completion;
pub mod config;
pub mod contexts;
pub mod create;
pub mod delete;
pub mod dry_run;
pub mod evacuate;
pub mod explain;
pub mod failback;
pub mod force;
pub mod global;
pub mod groups;
pub mod help;
pub mod history;
pub mod install;
pub mod migrate;
pub mod pause;
pub mod remotes;
pub mod resilience;
pub mod sandbox;
pub mod set;
pub mod spec;
pub mod status;
pub mod suggestions;
pub mod traffic;
pub mod values;
pub mod watch;

pub use check::{CheckArgs, CheckFormat};
use clap::{Parser, Subcommand};
pub use completion::{CompletionArgs, CompletionShell};
pub use config::{ConfigCommand, ConfigViewArgs};
pub use contexts::ContextArgs;
pub use create::{CreateArgs, DEFAULT_CONTROLLER, PolicyArgs};
pub use delete::{DeleteArgs, DeleteDanger};
pub use dry_run::{DryRun, DryRunArgs};
pub use evacuate::{
    EVACUATE_DANGERS, EvacuateArgs, ManyArgs, ManyFormat, RETURN_DANGERS, ReturnArgs,
};
pub use explain::{DocumentFormat, ExplainArgs, VersionArgs};
pub use failback::{FailbackArgs, ForceFilterArgs};
pub use force::ForceArgs;
pub use global::GlobalArgs;
pub use groups::{ChangeArgs, Danger, GroupsArgs, StreamFormat};
pub use history::{HistoryArgs, HistoryFormat};
pub use install::{InstallArgs, InstallDanger, UninstallArgs, UninstallDanger};
pub use migrate::{MigrateArgs, MigrateDanger};
pub use pause::{PauseArgs, ResumeArgs};
pub use remotes::{LocalName, LocalNameArgs, RemoteArgs};
pub use resilience::ResilienceArgs;
pub use sandbox::{
    GatewayState, PartitionState, SandboxCommand, SandboxDemoArgs, SandboxGatewayArgs,
    SandboxGuardArgs, SandboxPartitionArgs, SandboxRunArgs, SandboxSuperviseArgs,
    SandboxTrafficArgs, SandboxUpArgs,
};
pub use set::SetArgs;
pub use spec::CommandSpec;
pub use status::{StatusArgs, StatusFormat};
pub use traffic::{TrafficArgs, TrafficFormat, TrafficSource, TrafficWaitArgs};
pub use values::CommandWords;
pub use watch::{MetricsDetail, WatchArgs};

use crate::view::manifest::ObjectFormat;

/// The most columns of the help.
pub const MAX_HELP_WIDTH: usize = 100;

const EXAMPLES: &str = "\
Examples:
  kubectl failover create web-svc --fallback web-svc-east
  kubectl failover status --all-namespaces
  kubectl failover watch
  kubectl failover sandbox demo";

/// Fail services over between Linkerd clusters, and back
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-failover",
    bin_name = "kubectl failover",
    version,
    max_term_width = MAX_HELP_WIDTH
)]
#[command(after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a failover group for a service
    #[command(after_help = create::SPEC.examples)]
    Create(CreateArgs),
    /// Show where each group's traffic goes, and why
    #[command(after_help = status::SPEC.examples)]
    Status(StatusArgs),
    /// Show past failovers and failbacks, newest first
    #[command(after_help = history::SPEC.examples)]
    History(HistoryArgs),
    /// Show the requests that really flow to each backend
    #[command(after_help = traffic::SPEC.examples)]
    Traffic(TrafficArgs),
    /// Fail over automatically: run the controller in this terminal
    #[command(after_help = watch::SPEC.examples, alias = "run")]
    Watch(WatchArgs),
    /// Check the cluster's setup and your permissions
    #[command(after_help = check::SPEC.examples)]
    Check(CheckArgs),
    /// Send traffic to a backend by hand, and keep it there
    #[command(after_help = force::SPEC.examples)]
    Force(ForceArgs),
    /// Send traffic back to the primary, and end a force
    #[command(after_help = failback::SPEC.examples)]
    Failback(FailbackArgs),
    /// Take all traffic away from a cluster
    #[command(after_help = evacuate::EVACUATE.examples)]
    Evacuate(EvacuateArgs),
    /// Bring back the traffic that an evacuation took away
    #[command(after_help = evacuate::RETURN.examples)]
    Return(ReturnArgs),
    /// Change the policy or the primary of groups
    #[command(after_help = set::SPEC.examples)]
    Set(SetArgs),
    /// Delete groups
    #[command(after_help = delete::SPEC.examples)]
    Delete(DeleteArgs),
    /// Replace TrafficSplits with routes, and back
    #[command(after_help = migrate::SPEC.examples)]
    Migrate(MigrateArgs),
    /// Pause automatic failover
    #[command(after_help = pause::PAUSE.examples)]
    Pause(PauseArgs),
    /// Resume automatic failover
    #[command(after_help = pause::RESUME.examples)]
    Resume(ResumeArgs),
    /// Print manifests that run watch in the cluster
    #[command(after_help = install::INSTALL.examples)]
    Install(InstallArgs),
    /// Print the objects that install made
    #[command(after_help = install::UNINSTALL.examples)]
    Uninstall(UninstallArgs),
    /// Run local throwaway clusters for demos, drills and tests
    #[command(subcommand, after_help = sandbox::SPEC.examples)]
    Sandbox(SandboxCommand),
    /// Show your settings and their sources
    #[command(subcommand, after_help = config::VIEW)]
    Config(ConfigCommand),
    /// Explain a state, flag, annotation or exit code
    #[command(after_help = explain::SPEC.examples)]
    Explain(ExplainArgs),
    /// List the options of all commands
    #[command(after_help = explain::OPTIONS.examples)]
    Options,
    /// Show what runs here and in the cluster
    #[command(after_help = explain::VERSION.examples)]
    Version(VersionArgs),
    /// Print the completion script for a shell
    #[command(after_help = completion::SPEC.examples)]
    Completion(CompletionArgs),
}

impl Command {
    /// Returns the command's spec for the arguments of this run.
    pub fn spec(&self) -> CommandSpec {
        match self {
            Self::Create(args) => create::SPEC.json(args.output == Some(ObjectFormat::Json)),
            Self::Status(args) => status::SPEC.json(args.output == StatusFormat::Json),
            Self::History(args) => history::SPEC.json(args.output == HistoryFormat::Json),
            Self::Traffic(args) => traffic::SPEC.json(args.output == TrafficFormat::Json),
            Self::Watch(args) => CommandSpec {
                log_format: args.log_format,
                ..watch::SPEC.json(args.output == StreamFormat::Json)
            },
            // Its JSON has linkerd's format, which has no form for errors.
            Self::Check(_) => check::SPEC,
            Self::Force(args) => force::SPEC.json(args.change.prints_json()),
            Self::Failback(args) => failback::SPEC.json(args.change.prints_json()),
            Self::Evacuate(args) => evacuate::EVACUATE.json(args.many.output == ManyFormat::Json),
            Self::Return(args) => evacuate::RETURN.json(args.many.output == ManyFormat::Json),
            Self::Set(args) => set::SPEC.json(args.change.prints_json()),
            Self::Delete(args) => delete::SPEC.json(args.change.prints_json()),
            Self::Migrate(args) => migrate::SPEC.json(args.change.prints_json()),
            Self::Pause(args) => pause::PAUSE.json(args.change.prints_json()),
            Self::Resume(args) => pause::RESUME.json(args.change.prints_json()),
            Self::Install(args) => install::INSTALL.json(args.output == ObjectFormat::Json),
            Self::Uninstall(args) => install::UNINSTALL.json(args.output == ObjectFormat::Json),
            Self::Sandbox(_) => sandbox::SPEC,
            Self::Config(command) => config::SPEC.json(command.prints_json()),
            Self::Explain(_) => explain::SPEC,
            Self::Options => explain::OPTIONS,
            Self::Version(args) => explain::VERSION.json(args.output == DocumentFormat::Json),
            Self::Completion(_) => completion::SPEC,
        }
    }
}
