//! One file per command, thin: arguments in, words and an exit code out.

mod sandbox;

use crate::cli::{Cli, Command};
use crate::error::{Exit, Problem};

/// Runs one command.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Sandbox(command) => sandbox::run(command).await,
        _ => Err(Problem::new("this command is not there yet").into()),
    }
}
