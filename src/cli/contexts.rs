//! Several contexts in one command.

use clap::Args;

/// Which contexts of the kubeconfig a command works in.
#[derive(Debug, Clone, Default, Args)]
pub struct ContextArgs {
    /// Work in all these contexts of the kubeconfig, such as west,east
    #[arg(
        id = "contexts",
        long = "contexts",
        value_name = "NAMES",
        value_delimiter = ','
    )]
    pub names: Vec<String>,
    /// Work in every context of the kubeconfig
    #[arg(
        id = "all_contexts",
        long = "all-contexts",
        conflicts_with = "contexts"
    )]
    pub all: bool,
}

impl ContextArgs {
    /// Whether they choose none: the command works in the current context.
    pub fn is_empty(&self) -> bool {
        !self.all && self.names.is_empty()
    }
}
