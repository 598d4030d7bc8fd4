//! The groups that a command changes: never all of them by accident.

use super::absent;
use super::query::GroupQuery;
use super::selection::choose;
use crate::changes::order::Order;
use crate::cli::GroupsArgs;
use crate::cluster::Cluster;
use crate::commands::env::CommandEnv;
use crate::model::GroupId;
use crate::problem::Problem;
use crate::resource::{GroupName, Record};
use crate::text::{clean, word};

/// Returns the groups that the arguments name.
///
/// # Errors
/// If the arguments name no group or an ambiguous one, or the groups cannot be read.
pub async fn targets(
    env: &CommandEnv,
    cluster: &Cluster,
    groups: &GroupsArgs,
    order: &dyn Order,
) -> anyhow::Result<Vec<Record>> {
    let namespace = env.namespace(cluster);
    let query = GroupQuery {
        namespace: namespace.as_deref(),
        selector: groups.selector.as_deref(),
        names: &groups.names,
    };
    if query.names.is_empty() && query.selector.is_none() && !groups.all {
        let name = order.spec().name;
        let place = cluster.reach.scoped(query.namespace);
        return Err(Problem::usage("specify a group, -l LABELS or --all")
            .next(format!("for example: kubectl failover {name} NAME {place}"))
            .into());
    }
    let chosen = choose(&env.streams, cluster, query, false).await?;
    if let Some((name, groups)) = &chosen.ambiguous {
        return Err(ambiguous(name, groups).into());
    }
    if chosen.records.is_empty() {
        if query.selector.is_none() {
            absent::say_no_groups(&env.streams, cluster, query).await;
            return Ok(Vec::new());
        }
        // A selector that matches nothing is probably a mistake.
        let nothing = absent::no_groups(cluster, query).await;
        return Err(Problem::new(nothing).next("nothing was changed").into());
    }
    Ok(chosen.records)
}

/// Returns the error for an ambiguous name. A change never guesses which group is meant.
fn ambiguous(name: &str, groups: &[GroupId]) -> Problem {
    let typed = |group: &GroupId| {
        let name = GroupName::of(group).to_string();
        format!("{} -n {}", word(&name), word(&group.namespace))
    };
    let groups: Vec<String> = groups.iter().map(typed).collect();
    Problem::usage(format!(
        "{} is ambiguous: {}",
        clean(name),
        groups.join(", ")
    ))
    .next("nothing was changed")
    .next("name one of those, or choose by labels with -l")
}
