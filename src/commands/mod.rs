//! One file per command, thin: arguments in, words and an exit code out.

pub mod args;
pub mod check;
pub mod complete;
pub mod completion;
pub mod create;
pub mod failback;
pub mod force;
pub mod history;
pub mod pause;
pub mod sandbox;
pub mod set;
pub mod status;
pub mod watch;

pub use complete::run as complete;

use crate::access::rights::RbacCommand;
use crate::cli::{Cli, Command, GlobalArgs, RemoteArgs};
use crate::cluster::Cluster;
use crate::cluster::Clusters;
use crate::cluster::remotes::remote_clusters::Remotes;
use crate::output::streams::Streams;
use crate::output::terminal::say;
use crate::problem::Exit;

/// Runs one command.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Status(args) => status::run(&cli.global, args).await,
        Command::Create(args) => create::run(&cli.global, &args).await,
        Command::History(args) => history::run(&cli.global, &args).await,
        Command::Watch(args) => watch::run(&cli.global, args).await,
        Command::Check(args) => check::run(&cli.global, &args).await,
        Command::Force(args) => force::run(&cli.global, &args).await,
        Command::Failback(args) => failback::run(&cli.global, &args).await,
        Command::Set(args) => set::run(&cli.global, &args).await,
        Command::Pause(args) => pause::pause(&cli.global, &args).await,
        Command::Resume(args) => pause::resume(&cli.global, &args).await,
        Command::Sandbox(command) => sandbox::run(command).await,
        Command::Completion(args) => completion::run(&args),
    }
}

/// Prints a text as it is to standard output.
pub fn print(text: &str) -> anyhow::Result<Exit> {
    Streams::process().write(text)?;
    Ok(Exit::Done)
}

/// The namespace that the flags mean; none: all of them.
pub fn scope(flags: &GlobalArgs, cluster: &Cluster) -> Option<String> {
    (!flags.all_namespaces).then(|| cluster.namespace.clone())
}

/// The cluster that the flags mean, with those that may be asked about its mirrors.
pub async fn connect(
    command: RbacCommand,
    flags: &GlobalArgs,
    remotes: &RemoteArgs,
) -> anyhow::Result<Clusters> {
    let options = flags.connect_options(command);
    let remotes = Remotes::of(&options, &remotes.into(), say)?;
    Ok(Clusters::new(Cluster::connect(&options).await?, remotes))
}
