//! The arguments of `delete`.

use clap::{Args, ValueEnum};

use super::spec::CommandSpec;
use super::{ChangeArgs, GroupsArgs};
use crate::access::rights::RbacCommand;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover delete web-svc-failover
  kubectl failover delete web-svc --dry-run=client
  kubectl failover delete --selector team=web --yes
  kubectl failover delete web-svc --allow=move",
)
.needs(RbacCommand::Delete);

#[derive(Debug, Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    /// Skip this safety check (repeatable)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<DeleteDanger>,
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// A reason to refuse to delete a group; `--allow` names the ones to ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeleteDanger {
    /// The traffic is not on the service that clients call, and would move there
    Move,
    /// The route also has rules of its own, which would be lost
    Rules,
    /// A GitOps tool owns the object and may create it again
    Gitops,
}
