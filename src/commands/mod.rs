//! One file per command, thin: arguments in, words and an exit code out.

mod complete;
mod completion;
mod create;
mod history;
mod sandbox;
mod selection;
mod status;
mod watch;

pub use complete::run as complete;

use crate::cli::{Cli, Command, GlobalArgs};
use crate::cluster::Cluster;
use crate::error::Exit;

/// Runs one command.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Status(args) => status::run(&cli.global, args).await,
        Command::Create(args) => create::run(&cli.global, &args).await,
        Command::History(args) => history::run(&cli.global, &args).await,
        Command::Watch(args) => watch::run(&cli.global, args).await,
        Command::Sandbox(command) => sandbox::run(command).await,
        Command::Completion(args) => completion::run(&args),
    }
}

/// The namespace that the flags mean; none: all of them.
fn scope(flags: &GlobalArgs, cluster: &Cluster) -> Option<String> {
    (!flags.all_namespaces).then(|| cluster.namespace.clone())
}
