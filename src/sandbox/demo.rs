//! `sandbox demo`.
use crate::cli::SandboxUpArgs;
use crate::error::Exit;
pub async fn run(_args: &SandboxUpArgs) -> anyhow::Result<Exit> {
    Ok(Exit::Failed)
}
