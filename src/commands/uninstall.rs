//! `uninstall`: prints the objects of an installation, to delete them. Refuses while groups are in a
//! state that nobody would end.

use std::collections::BTreeSet;

use clap::ValueEnum as _;
use serde_json::{Value, json};

use super::args::selection::parse_selector;
use super::env::CommandEnv;
use super::install::namespace;
use super::installed::{self, Installed, command_line, is_shared};
use crate::cli::{RemoteArgs, UninstallArgs, UninstallDanger};
use crate::cluster::api::namespaces;
use crate::cluster::api::occupants::occupants;
use crate::cluster::api::workloads;
use crate::cluster::api::workloads::Deployment;
use crate::cluster::queries::group_list::list_groups;
use crate::cluster::{Cluster, Clusters};
use crate::error;
use crate::error::explain;
use crate::install::object_name;
use crate::model::fold::name_some;
use crate::model::{State, Status};
use crate::problem::{Exit, Problem};
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::survey::survey;
use crate::resource::Record;
use crate::text::{ConnectionFlags, clean, word};
use crate::view::command_line::return_command;
use crate::view::manifest;

/// The labels that the chart sets on its namespace.
const EXTENSION: (&str, &str) = ("linkerd.io/extension", "failover");
const NOT_INJECTED: (&str, &str) = ("linkerd.io/inject", "disabled");
const RESTRICTED: (&str, &str) = ("pod-security.kubernetes.io/enforce", "restricted");
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
    let Installed {
        mut objects,
        unlisted,
    } = installed::find(&cluster, &namespace, &limited_to).await?;
    // All installations share the roles for people.
    let is_last = found.iter().all(|it| it.namespace == namespace);
    objects.retain(|object| is_last || !is_shared(object));
    if objects.iter().all(is_shared) {
        return Err(not_installed(&namespace, &found).into());
    }
    if !unlisted.is_empty() {
        let kinds = Vec::from_iter(unlisted).join(", ");
        env.streams.say(&format!(
            "warning: cannot list {kinds} in all namespaces: those of namespaces that the \
             installation has left are missing here"
        ));
    }
    objects.extend(namespace_of(env, &cluster, &namespace).await?);
    let named: Vec<(String, Value)> = objects
        .into_iter()
        .map(|object| (object_name(&object), object))
        .collect();
    env.print(&manifest::print(&named, args.output)?)
}

fn not_installed(namespace: &str, found: &[Deployment]) -> Problem {
    let problem = Problem::new(format!(
        "kubectl-failover is not installed in namespace {}",
        clean(namespace)
    ));
    let elsewhere = found.iter().map(|it| it.namespace.as_str());
    match found {
        [] => problem,
        _ => problem.there_are("installations", elsewhere),
    }
}

/// Returns the namespace, to delete it, if it is the extension's and nothing else is in it.
async fn namespace_of(
    env: &CommandEnv,
    cluster: &Cluster,
    namespace: &str,
) -> Result<Option<Value>, Problem> {
    let labels = namespaces::labels(cluster, namespace).await;
    let labels = labels.map_err(|error| explain(cluster, &error))?;
    let labels = labels.unwrap_or_default();
    let has = |(key, value): &(&str, &str)| labels.get(*key).is_some_and(|it| it == value);
    if !has(&EXTENSION) {
        return Ok(None);
    }
    let others = match occupants(cluster, namespace).await {
        Ok(others) if others.is_empty() => {
            return Ok(Some(json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": { "name": namespace },
            })));
        }
        Ok(others) => others,
        Err(error) if error.is_forbidden() => Vec::new(),
        Err(error) => return Err(explain(cluster, &error)),
    };
    let why = match others.is_empty() {
        true => "you may not list what else is in it".to_owned(),
        false => name_some(others.iter().map(|it| clean(&it.name))),
    };
    env.streams.say(&format!(
        "warning: namespace {} stays, because of {why}",
        clean(namespace)
    ));
    // Linkerd's controller needs them, too.
    if !others.iter().any(|it| it.is_upstream) {
        let labels = [EXTENSION, NOT_INJECTED, RESTRICTED]
            .into_iter()
            .filter(has);
        let labels: Vec<String> = labels.map(|(key, _)| format!("{key}-")).collect();
        env.streams.say(&format!(
            "next: to take the labels of the installation off it: {}",
            label_command(cluster, namespace, &labels)
        ));
    }
    Ok(None)
}

fn label_command(cluster: &Cluster, namespace: &str, labels: &[String]) -> String {
    let (reach, name) = (cluster.reach.all(), word(namespace));
    command_line(&[
        "kubectl",
        reach,
        "label namespace",
        &name,
        &labels.join(" "),
    ])
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
