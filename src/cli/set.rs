//! The arguments of `set`.

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::spec::CommandSpec;
use super::{ChangeArgs, Danger, GroupsArgs, PolicyArgs, ResilienceArgs};
use crate::access::rights::RbacCommand;
use crate::resource::annotations::POLICY_KEYS;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover set web-svc-failover --min-ready 2 --failover-delay 10s
  kubectl failover set web-svc --policy active-active --weights web-svc=3,web-svc-east=1
  kubectl failover set web-svc --standby on
  kubectl failover set web-svc --primary web-svc-east --yes
  kubectl failover set web-svc --add-fallback web-svc-north
  kubectl failover set --all --remove-fallback web-svc-north --yes
  kubectl failover set web-svc --resilient --yes
  kubectl failover set web-svc --retries=gateway-error --breaker consecutive --yes
  kubectl failover set --all --unset failback,failback-delay --dry-run=client",
)
.needs(RbacCommand::Set);

#[derive(Debug, Args)]
pub struct SetArgs {
    #[command(flatten)]
    pub groups: GroupsArgs,
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    pub resilience: ResilienceArgs,
    /// Backend that should have the traffic
    #[arg(long, value_name = "BACKEND")]
    pub primary: Option<String>,
    /// Add this service to the fallbacks, without traffic (repeatable). A route's may be in other
    /// namespaces: NAMESPACE/SERVICE
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub add_fallback: Vec<String>,
    /// Remove this fallback (repeatable)
    #[arg(long, value_name = "BACKEND", value_delimiter = ',')]
    pub remove_fallback: Vec<String>,
    /// Allow fallbacks that don't exist yet
    #[arg(long, requires = "add_fallback")]
    pub allow_missing: bool,
    /// Reset this setting to its default (repeatable)
    #[arg(long, value_name = "KEY", value_delimiter = ',', value_parser = PossibleValuesParser::new(POLICY_KEYS))]
    pub unset: Vec<String>,
    /// Skip this safety check (repeatable)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DANGER")]
    pub allow: Vec<Danger>,
    #[command(flatten)]
    pub change: ChangeArgs,
}
