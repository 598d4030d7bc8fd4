//! One file per command, thin: arguments in, words and an exit code out.

mod check;
mod complete;
mod completion;
mod create;
mod failback;
mod force;
mod history;
mod order;
mod pause;
mod ready;
mod sandbox;
mod selection;
mod status;
mod stay;
mod watch;

pub use complete::run as complete;

use std::io::Write as _;

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
        Command::Check(args) => check::run(&cli.global, &args).await,
        Command::Force(args) => force::run(&cli.global, &args).await,
        Command::Failback(args) => failback::run(&cli.global, &args).await,
        Command::Pause(args) => pause::pause(&cli.global, &args).await,
        Command::Resume(args) => pause::resume(&cli.global, &args).await,
        Command::Sandbox(command) => sandbox::run(command).await,
        Command::Completion(args) => completion::run(&args),
    }
}

/// Prints a text as it is to standard output.
pub fn print(text: &str) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Exit::Done)
}

/// The namespace that the flags mean; none: all of them.
fn scope(flags: &GlobalArgs, cluster: &Cluster) -> Option<String> {
    (!flags.all_namespaces).then(|| cluster.namespace.clone())
}
