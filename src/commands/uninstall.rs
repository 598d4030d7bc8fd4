//! `uninstall`: prints the objects of an installation, to delete them. Refuses while groups are in a
//! state that nobody would end.

use std::collections::BTreeSet;

use clap::ValueEnum as _;
use futures::{StreamExt as _, stream};
use serde_json::Value;

use super::args::selection::parse_selector;
use super::env::CommandEnv;
use super::install::namespace;
use crate::cli::{RemoteArgs, UninstallArgs, UninstallDanger};
use crate::cluster::api::workloads;
use crate::cluster::api::workloads::{Deployment, OWN_NAME};
use crate::cluster::queries::group_list::list_groups;
use crate::cluster::{Cluster, Clusters};
use crate::error;
use crate::error::explain;
use crate::install::{Release, all_objects, object_name, path, reference};
use crate::model::{State, Status};
use crate::problem::{Exit, Problem};
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::survey::survey;
use crate::resource::Record;
use crate::text::{ConnectionFlags, clean, word};
use crate::view::command_line::return_command;
use crate::view::manifest;

const CONCURRENT_READS: usize = 8;
const SHARED_ROLES: [&str; 2] = ["failover-view", "failover-operator"];
/// How many groups the refusal names.
const MAX_NAMED_GROUPS: usize = 10;

pub async fn run(env: &CommandEnv, args: &UninstallArgs) -> anyhow::Result<Exit> {
    let cluster = env.connect(&RemoteArgs::default()).await?;
    let namespace = namespace(env);
    let found = workloads::own_deployments(&cluster).await;
    let found = found.map_err(|error| explain(&cluster, &error))?;
    let installed = found.iter().find(|it| it.namespace == namespace);
    if let Some(deployment) = installed {
        check_groups(&cluster, deployment, &args.allow).await?;
        if let Some(release) = &deployment.helm_release {
            let reach = cluster.reach.within(&namespace);
            env.streams.say(&format!(
                "next: Helm has installed it, so Helm removes it: helm uninstall {} {}",
                word(release),
                reach.replace("--context", "--kube-context")
            ));
            return Ok(Exit::Done);
        }
    }
    let limited_to = installed
        .map(Deployment::watched_namespaces)
        .unwrap_or_default();
    let mut objects = existing(&cluster, &namespace, &limited_to).await?;
    // All installations share the roles for people.
    let is_last = found.iter().all(|it| it.namespace == namespace);
    objects.retain(|object| is_last || !is_shared(object));
    if installed.is_none() || holds_others(&cluster, &namespace).await? {
        objects.retain(|object| object["kind"] != "Namespace");
    }
    if objects.iter().all(is_shared) {
        let problem = Problem::new(format!(
            "kubectl-failover is not installed in namespace {}",
            clean(&namespace)
        ));
        let elsewhere = found.iter().map(|it| it.namespace.as_str());
        return Err(match found.as_slice() {
            [] => problem,
            _ => problem.there_are("installations", elsewhere),
        }
        .into());
    }
    let named: Vec<(String, Value)> = objects
        .iter()
        .map(|object| (object_name(object), reference(object)))
        .collect();
    env.print(&manifest::print(&named, args.output)?)
}

/// Whether other programs are in the namespace, such as Linkerd's own controller.
async fn holds_others(cluster: &Cluster, namespace: &str) -> Result<bool, Problem> {
    let found = workloads::deployments(cluster, namespace).await;
    let found = found.map_err(|error| explain(cluster, &error))?;
    Ok(found.iter().any(|deployment| !deployment.is_own()))
}

/// # Errors
/// If nobody would bring back the traffic of groups, or resume them.
async fn check_groups(
    cluster: &Clusters,
    deployment: &Deployment,
    allowed: &[UninstallDanger],
) -> anyhow::Result<()> {
    let selector = deployment.selector();
    let namespaces = deployment.watched_namespaces();
    let groups = list_groups(cluster, None, selector).await;
    let groups = groups.map_err(|error| error::explain_group_list(cluster, &error))?;
    let selector = parse_selector(selector)?;
    let is_run = |record: &Record| {
        let is_within = namespaces.is_empty() || namespaces.contains(&record.meta.namespace);
        is_within && selector.matches(&record.meta.labels)
    };
    let records: Vec<Record> = groups.records.into_iter().filter(is_run).collect();
    let statuses = survey(cluster, &records, &records, PrefetchedSlices::default()).await;
    let mut dangers: Vec<(UninstallDanger, &Status)> = statuses
        .iter()
        .filter_map(|status| Some((danger(status)?, status)))
        .filter(|(danger, _)| !allowed.contains(danger))
        .collect();
    dangers.sort_by_key(|(danger, _)| *danger);
    if dangers.is_empty() {
        return Ok(());
    }
    let mut names: Vec<UninstallDanger> = dangers.iter().map(|(danger, _)| *danger).collect();
    names.dedup();
    let names: Vec<String> = names.into_iter().map(name).collect();
    let lines = dangers.iter().map(|(danger, status)| {
        let id = clean(&status.id.to_string());
        let (words, why) = (in_words(*danger), &status.reason);
        match why.starts_with(words) {
            true => format!("{id} is {why}"),
            false => format!("{id} is {words}: {why}"),
        }
    });
    let more = dangers.len().saturating_sub(MAX_NAMED_GROUPS);
    Err(Problem::refused(format!(
        "{} group(s) are away from home, overridden or paused; without a watch nobody brings \
         them back",
        dangers.len()
    ))
    .next_all(lines.take(MAX_NAMED_GROUPS))
    .next_all((more > 0).then(|| format!("and {more} more")))
    .next_all(
        ways_back(&dangers, &cluster.reach)
            .into_iter()
            .map(|command| format!("bring them back first: {command}")),
    )
    .next(format!(
        "to uninstall all the same: --allow {}",
        names.join(",")
    ))
    .into())
}

/// Returns the commands after which the groups need no watch.
fn ways_back(dangers: &[(UninstallDanger, &Status)], reach: &ConnectionFlags) -> Vec<String> {
    let entries = dangers.iter().flat_map(|(_, status)| &status.avoid);
    let returns = entries.map(|it| return_command(&it.entry, reach));
    let all = reach.all();
    let others = dangers
        .iter()
        .filter(|(danger, status)| *danger == UninstallDanger::Paused || status.avoid.is_empty())
        .map(|(danger, _)| match danger {
            UninstallDanger::Paused => format!("kubectl failover resume --all -A {all}"),
            _ => format!("kubectl failover failback --all -A {all}"),
        });
    let ways: BTreeSet<String> = returns.chain(others).collect();
    ways.into_iter().collect()
}

fn danger(status: &Status) -> Option<UninstallDanger> {
    if status.paused.is_some() || status.state == State::Paused {
        Some(UninstallDanger::Paused)
    } else if status.order.is_some() {
        Some(UninstallDanger::Overridden)
    } else if matches!(status.state, State::Failover | State::Down) {
        Some(UninstallDanger::Away)
    } else {
        None
    }
}

fn in_words(danger: UninstallDanger) -> &'static str {
    match danger {
        UninstallDanger::Away => "away from home",
        UninstallDanger::Overridden => "overridden",
        UninstallDanger::Paused => "paused",
    }
}

fn name(danger: UninstallDanger) -> String {
    let value = danger.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Returns the objects of the installation that exist.
async fn existing(
    cluster: &Cluster,
    namespace: &str,
    limited_to: &[String],
) -> anyhow::Result<Vec<Value>> {
    let release = Release {
        name: OWN_NAME,
        namespace,
    };
    let mut possible = all_objects(release, limited_to)?;
    if !limited_to.is_empty() {
        let known: Vec<String> = possible.iter().map(path).collect();
        let others = all_objects(release, &[])?.into_iter();
        let others: Vec<Value> = others.filter(|it| !known.contains(&path(it))).collect();
        possible.splice(0..0, others);
    }
    let reads = possible.into_iter().map(|object| async move {
        let read = cluster.get_path::<Value>(&path(&object)).await;
        match read {
            Ok(found) => Ok(is_own(&found).then_some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(explain(cluster, &error)),
        }
    });
    let reads: Vec<Result<Option<Value>, Problem>> = stream::iter(reads)
        .buffered(CONCURRENT_READS)
        .collect()
        .await;
    let found = reads.into_iter().filter_map(Result::transpose);
    Ok(found.collect::<Result<Vec<Value>, Problem>>()?)
}

fn is_shared(object: &Value) -> bool {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    SHARED_ROLES.contains(&name)
}

/// Whether an object has the chart's labels.
fn is_own(object: &Value) -> bool {
    let label = |key: &str| object["metadata"]["labels"].get(key);
    label("linkerd.io/extension").is_some_and(|name| name == "failover")
}
