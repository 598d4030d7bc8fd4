//! `options`: the options that every command takes.

use super::env::CommandEnv;
use crate::cli::help::global_options;
use crate::output::terminal::is_coloured;
use crate::problem::Exit;

pub fn run(env: &CommandEnv) -> anyhow::Result<Exit> {
    let options = global_options();
    let options = match is_coloured(env.flags.color(), env.streams.out_is_terminal()) {
        true => options.ansi().to_string(),
        false => options.to_string(),
    };
    env.print(&format!(
        "The following options can be passed to any command:\n\n{options}\n"
    ))
}
