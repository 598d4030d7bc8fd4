//! `completion`: the script that a shell loads.

use std::io::Write as _;

use crate::cli::CompletionArgs;
use crate::error::Exit;
use crate::generated;

pub fn run(args: &CompletionArgs) -> anyhow::Result<Exit> {
    std::io::stdout().lock().write_all(&generated::completion_script(args.shell))?;
    Ok(Exit::Done)
}
