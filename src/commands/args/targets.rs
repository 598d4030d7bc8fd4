//! The groups that a command changes: never all of them by accident.

use std::time::Duration;

use super::absent;
use super::query::GroupQuery;
use super::selection::{Selected, choose};
use crate::changes::order::{Order, check_duration};
use crate::cli::{ChangeArgs, GroupsArgs};
use crate::cluster::Cluster;
use crate::commands::env::CommandEnv;
use crate::model::GroupId;
use crate::problem::{Exit, Problem};
use crate::resource::{GroupName, Record};
use crate::text::{clean, word};

/// Checks that the arguments of `command` name a group, before anything is read.
///
/// # Errors
/// If they do not.
pub fn check_named(env: &CommandEnv, groups: &GroupsArgs, command: &str) -> Result<(), Problem> {
    if groups.may_be_many() || !groups.names.is_empty() {
        return Ok(());
    }
    let flags = env.connect_options().flags(env.flags.context.as_deref());
    let place = match &env.flags.namespace {
        _ if env.flags.all_namespaces => flags.scoped(None),
        Some(namespace) => flags.within(namespace),
        None => flags.all().to_owned(),
    };
    let example = format!("kubectl failover {command} NAME {place}");
    Err(Problem::usage("specify a group, -l LABELS or --all")
        .next(format!("for example: {}", example.trim_end())))
}

/// Carries out an order on the groups that the arguments name. `duration` is how long it lasts.
pub async fn change_targets(
    env: &CommandEnv,
    order: &dyn Order,
    groups: &GroupsArgs,
    change: &ChangeArgs,
    duration: Option<Duration>,
) -> anyhow::Result<Exit> {
    check_named(env, groups, order.spec().name)?;
    let cluster = env.connect(&change.remotes).await?;
    let records = targets(env, &cluster, groups).await?;
    check_duration(&cluster, duration)?;
    let execution = env.execution(&cluster, order, change);
    execution.run(records, Vec::new()).await
}

/// Returns the groups that the arguments name.
///
/// # Errors
/// If the arguments match no group or name an ambiguous one, or the groups cannot be read.
pub async fn targets(
    env: &CommandEnv,
    cluster: &Cluster,
    groups: &GroupsArgs,
) -> anyhow::Result<Vec<Record>> {
    let selected = select(env, cluster, groups).await?;
    Ok(selected.records)
}

/// Like [`targets`], with the groups beside them.
///
/// # Errors
/// As [`targets`].
pub async fn select(
    env: &CommandEnv,
    cluster: &Cluster,
    groups: &GroupsArgs,
) -> anyhow::Result<Selected> {
    let namespace = env.namespace(cluster);
    let query = GroupQuery {
        namespace: namespace.as_deref(),
        selector: groups.selector.as_deref(),
        names: &groups.names,
    };
    let chosen = choose(&env.streams, cluster, query, false).await?;
    if let Some((name, groups)) = &chosen.ambiguous {
        return Err(ambiguous(name, groups).into());
    }
    if chosen.records.is_empty() {
        let problem = absent::no_groups(cluster, query).await;
        return Err(problem.next("nothing was changed").into());
    }
    Ok(chosen)
}

/// Returns the error for an ambiguous name. A change never guesses which group is meant.
pub fn ambiguous(name: &str, groups: &[GroupId]) -> Problem {
    ambiguous_name(name, groups)
        .next("nothing was changed")
        .next("name one of those, or choose by labels with -l")
}

/// The same for a command that changes nothing.
pub fn ambiguous_name(name: &str, groups: &[GroupId]) -> Problem {
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
}
