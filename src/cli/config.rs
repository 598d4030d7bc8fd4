//! The arguments of `config`.

use clap::{Args, Subcommand};

use super::DocumentFormat;
use super::spec::CommandSpec;

pub const SPEC: CommandSpec = CommandSpec::new(VIEW);

pub const VIEW: &str = "\
Examples:
  kubectl failover config view
  kubectl failover config view --output yaml";

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show the settings, and where each value comes from
    #[command(after_help = VIEW)]
    View(ConfigViewArgs),
}

#[derive(Debug, Args)]
pub struct ConfigViewArgs {
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: DocumentFormat,
}

impl ConfigCommand {
    pub fn prints_json(&self) -> bool {
        let Self::View(args) = self;
        args.output == DocumentFormat::Json
    }
}
