//! The order of a migration, for the prompt and the report that all changes share.

use std::collections::BTreeSet;

use crate::changes::order::{ChangePlan, Order, OrderSpec};
use crate::changes::preflight::Preflight;
use crate::changes::refusal::Refusal;
use crate::cli::{Danger, MigrateArgs, MigrateDanger};
use crate::model::{GroupId, Status};
use crate::resource::Change;
use crate::text::ConnectionFlags;

pub struct MigrateOrder<'a> {
    pub args: &'a MigrateArgs,
    /// The new groups whose running clients go on with what they were told before.
    pub needs_restarts: BTreeSet<GroupId>,
}

impl MigrateOrder<'_> {
    /// The checks to skip that other commands have too.
    fn allowed(&self) -> Vec<Danger> {
        let danger = |danger: &MigrateDanger| match danger {
            MigrateDanger::Conflict => Some(Danger::Conflict),
            MigrateDanger::Gitops => Some(Danger::Gitops),
            _ => None,
        };
        self.args.allow.iter().filter_map(danger).collect()
    }
}

impl Order for MigrateOrder<'_> {
    fn spec(&self) -> OrderSpec {
        OrderSpec {
            asks: true,
            ..OrderSpec::new("migrate")
        }
    }

    /// The part of the plan that needs nothing but the group.
    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let group = seen.valid()?;
        if let Some(why) = group.broken_override() {
            return Err(Refusal::new(
                format!("its override is stale: {why}"),
                format!(
                    "remove it first: kubectl failover failback {} {}",
                    group.id.short_name(),
                    seen.place
                ),
            ));
        }
        seen.refuse_owner(&self.allowed())?;
        ChangePlan::build(Change::builder().build(), "migrates")
    }

    fn after(&self, status: &Status, _reach: &ConnectionFlags) -> Vec<String> {
        let words = format!(
            "clients that keep their connections to {0} send to {0} itself, without failover, \
             until they are restarted: kubectl rollout restart",
            status.apex
        );
        let has_clients = self.needs_restarts.contains(&status.id);
        has_clients.then_some(words).into_iter().collect()
    }
}
