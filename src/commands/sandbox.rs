//! `sandbox`: local throwaway clusters.

use crate::cli::SandboxCommand;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::sandbox::cli::{network, run, traffic, up};
use crate::sandbox::demo;
use crate::sandbox::supervisor::supervise;

pub async fn run(streams: &Streams, command: SandboxCommand) -> anyhow::Result<Exit> {
    match command {
        SandboxCommand::Up(args) => up::up(streams, &args).await,
        SandboxCommand::Down => up::down(streams).await,
        SandboxCommand::Status => up::status(streams),
        SandboxCommand::Demo(args) => demo::run(streams, &args).await,
        SandboxCommand::Run(args) => run::run(streams, &args).await,
        SandboxCommand::Gateway(args) => network::gateway(streams, &args).await,
        SandboxCommand::Partition(args) => network::partition(streams, &args).await,
        SandboxCommand::Traffic(args) => traffic::run(streams, &args).await,
        SandboxCommand::Supervise(args) => supervise::run(streams, args).await,
        SandboxCommand::Guard(_) => {
            Err(Problem::usage("a guard starts before the async runtime").into())
        }
    }
}
