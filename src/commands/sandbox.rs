use crate::cli::SandboxCommand;
use crate::problem::{Exit, Problem};
use crate::sandbox::cli::{network, run, up};
use crate::sandbox::demo;
use crate::sandbox::supervisor::supervise;

pub async fn run(command: SandboxCommand) -> anyhow::Result<Exit> {
    match command {
        SandboxCommand::Up(args) => up::up(&args).await,
        SandboxCommand::Down => up::down().await,
        SandboxCommand::Status => up::status(),
        SandboxCommand::Demo(args) => demo::run(&args).await,
        SandboxCommand::Run(args) => run::run(&args).await,
        SandboxCommand::Gateway(args) => network::gateway(&args).await,
        SandboxCommand::Partition(args) => network::partition(&args).await,
        SandboxCommand::Supervise(args) => supervise::run(args).await,
        SandboxCommand::Guard(_) => {
            Err(Problem::usage("a guard starts before the async runtime").into())
        }
    }
}
