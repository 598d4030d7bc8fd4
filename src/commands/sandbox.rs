use crate::cli::SandboxCommand;
use crate::problem::{Exit, Problem};
use crate::sandbox::{demo, network, standing, supervise, temporary};

pub async fn run(command: SandboxCommand) -> anyhow::Result<Exit> {
    match command {
        SandboxCommand::Up(args) => standing::up(&args).await,
        SandboxCommand::Down => standing::down().await,
        SandboxCommand::Status => standing::status(),
        SandboxCommand::Demo(args) => demo::run(&args).await,
        SandboxCommand::Run(args) => temporary::run(&args).await,
        SandboxCommand::Gateway(args) => network::gateway(&args).await,
        SandboxCommand::Partition(args) => network::partition(&args).await,
        SandboxCommand::Supervise(args) => supervise::run(args).await,
        SandboxCommand::Guard(_) => {
            Err(Problem::usage("a guard starts before the async runtime").into())
        }
    }
}
