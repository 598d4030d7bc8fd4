//! One file per command, thin: arguments in, words and an exit code out.

mod create;
mod sandbox;
mod selection;
mod status;
mod watch;

use crate::cli::{Cli, Command, GlobalArgs};
use crate::cluster::Cluster;
use crate::error::{Exit, Problem};

/// Runs one command.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Status(args) => status::run(&cli.global, args).await,
        Command::Create(args) => create::run(&cli.global, &args).await,
        Command::Watch(args) => watch::run(&cli.global, args).await,
        Command::Sandbox(command) => sandbox::run(command).await,
        _ => Err(Problem::new("this command is not there yet").into()),
    }
}

/// The namespace that the flags mean; none: all of them.
fn scope(flags: &GlobalArgs, cluster: &Cluster) -> Option<String> {
    (!flags.all_namespaces).then(|| cluster.namespace.clone())
}
