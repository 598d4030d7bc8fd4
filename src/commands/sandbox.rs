use crate::cli::SandboxCommand;
use crate::error::{Exit, Problem};
use crate::sandbox::{demo, standing, supervise, temporary};

pub async fn run(command: SandboxCommand) -> anyhow::Result<Exit> {
    match command {
        SandboxCommand::Up(args) => standing::up(&args).await,
        SandboxCommand::Down => standing::down().await,
        SandboxCommand::Status => standing::status(),
        SandboxCommand::Demo(args) => demo::run(&args).await,
        SandboxCommand::Run(args) => temporary::run(&args).await,
        SandboxCommand::Gateway(args) => standing::gateway(&args).await,
        SandboxCommand::Supervise(args) => supervise::run(args).await,
        SandboxCommand::Guard(_) => Err(Problem::usage("a guard starts before the async runtime").into()),
    }
}
