use crate::cli::SandboxCommand;
use crate::error::{Exit, Problem};

pub async fn run(_command: SandboxCommand) -> anyhow::Result<Exit> {
    Err(Problem::new("the sandbox is not there yet").into())
}
