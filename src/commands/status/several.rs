//! `status` of several clusters. A cluster that cannot be read takes one line of the result.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::evacuations;
use super::evacuations::ShownGroups;
use super::once;
use super::print::StatusPage;
use crate::cli::{StatusArgs, StatusFormat};
use crate::cluster::Clusters;
use crate::commands::args::contexts;
use crate::commands::args::contexts::ContextSelection;
use crate::commands::args::members::ContextGroups;
use crate::commands::args::selection::{parse_names, parse_selector, readable};
use crate::commands::env::CommandEnv;
use crate::error::explain_group_list;
use crate::model::{GroupId, Status};
use crate::problem::{Exit, Problem};
use crate::readiness::prefetch::list_groups_and_slices;
use crate::resource::{GroupName, Record};
use crate::text::clean;
use crate::text::connection_flags::NO_FLAGS;
use crate::view::formats::{json, yaml};
use crate::view::status::clusters::{self, ClusterSnapshot, ClusterStatusList};
use crate::view::status::table::ClusterStatuses;

/// How long one cluster may take, unless --request-timeout allows more.
const CLUSTER_TIMEOUT: Duration = Duration::from_secs(30);

/// The groups of one cluster.
pub struct ClusterGroups {
    pub cluster: Clusters,
    pub records: Vec<Record>,
    pub statuses: Vec<Status>,
    /// The names that match a group there.
    known: Vec<GroupName>,
}

pub async fn run(
    each: &[CommandEnv],
    args: &StatusArgs,
    page: &StatusPage,
) -> anyhow::Result<Exit> {
    let FoundGroups { clusters, absent } = find_all(each, args).await?;
    let found = clusters;
    let exit = verdict(&found, &absent, args.exit_code);
    let both = each.iter().zip(&found);
    let snapshots: Vec<ClusterSnapshot> = both.map(|(env, found)| snapshot(env, found)).collect();
    let readable = found.iter().flatten();
    let shown: Vec<ShownGroups> = readable
        .map(|found| ShownGroups {
            groups: ContextGroups {
                cluster: &found.cluster,
                records: &found.records,
            },
            statuses: &found.statuses,
        })
        .collect();
    let selection = ContextSelection::of(&args.contexts);
    let flags = contexts::flags_everywhere(each, selection);
    evacuations::print(page, &shown, &flags).await?;
    page.streams.write(&render(&snapshots, exit, page)?)?;
    say_absent(page, each, &found, &absent);
    Ok(exit)
}

/// The groups of several clusters, or why one cannot be read.
pub struct FoundGroups {
    pub clusters: Vec<Result<ClusterGroups, Problem>>,
    /// The names that match no group in any cluster.
    pub absent: Vec<String>,
}

/// Reads the groups of each cluster that the arguments choose, and their statuses.
///
/// # Errors
/// If a name is not one of a group.
pub async fn find_all(each: &[CommandEnv], args: &StatusArgs) -> anyhow::Result<FoundGroups> {
    let names = parse_names(&args.names)?;
    let found = join_all(each.iter().map(|env| find_in_time(env, args, &names))).await;
    let clusters: Vec<Result<ClusterGroups, Problem>> = found
        .into_iter()
        .map(|found| found.map_err(|error| Problem::of(&error)))
        .collect();
    let is_known = |name: &GroupName| {
        let mut readable = clusters.iter().flatten();
        readable.any(|found| found.known.contains(name))
    };
    let absent = names.iter().filter(|name| !is_known(name));
    Ok(FoundGroups {
        absent: absent.map(ToString::to_string).collect(),
        clusters,
    })
}

/// Says which names match no group, or that there are no groups.
pub fn say_absent(
    page: &StatusPage,
    each: &[CommandEnv],
    found: &[Result<ClusterGroups, Problem>],
    absent: &[String],
) {
    if !absent.is_empty() {
        page.streams.say(&format!(
            "error: there is no group {} in any cluster that could be read",
            absent.join(", ")
        ));
    } else if found
        .iter()
        .flatten()
        .all(|found| found.statuses.is_empty())
    {
        let place = "in the clusters that could be read";
        let flags = each.first().map(|env| &env.flags);
        let flags = flags.filter(|flags| !flags.all_namespaces);
        page.streams
            .say(&match flags.map(|flags| &flags.namespace) {
                None => format!("No groups found {place}."),
                Some(Some(namespace)) => format!(
                    "No groups found in namespace {} {place} (-A reads all namespaces).",
                    clean(namespace)
                ),
                Some(None) => format!(
                    "No groups found {place}, each in its context's namespace (-A reads all \
                 namespaces)."
                ),
            });
    }
}

async fn find_in_time(
    env: &CommandEnv,
    args: &StatusArgs,
    names: &[GroupName],
) -> anyhow::Result<ClusterGroups> {
    let limit = CLUSTER_TIMEOUT.max(env.flags.request_timeout.unwrap_or_default());
    match tokio::time::timeout(limit, find(env, args, names)).await {
        Ok(found) => found,
        Err(_) => Err(
            Problem::new(format!("no answer within {} s", limit.as_secs()))
                .next("check the connection and the credential plugin, if there is one")
                .into(),
        ),
    }
}

async fn find(
    env: &CommandEnv,
    args: &StatusArgs,
    names: &[GroupName],
) -> anyhow::Result<ClusterGroups> {
    let cluster = contexts::connect(env, &args.remotes).await?;
    let namespace = env.namespace(&cluster);
    let (namespace, selector) = (
        namespace.as_deref(),
        parse_selector(args.selector.as_deref())?,
    );
    // Without the selector, since a rival may lack the labels.
    let listed = list_groups_and_slices(&cluster, namespace, None, names.is_empty()).await;
    let (groups, prefetched) = listed.map_err(|error| explain_group_list(&cluster, &error))?;
    let rivals = readable(&env.streams, &cluster, groups);
    let is_selected = |record: &&Record| selector.matches(&record.meta.labels);
    let all: Vec<Record> = rivals.iter().filter(is_selected).cloned().collect();
    let picked = names.iter().flat_map(|name| name.pick(&all));
    let picked: HashSet<GroupId> = picked.map(Record::id).collect();
    let is_meant = |record: &&Record| names.is_empty() || picked.contains(&record.id());
    let records: Vec<Record> = all.iter().filter(is_meant).cloned().collect();
    let statuses = once::statuses(
        &env.streams,
        &cluster,
        &records,
        &rivals,
        prefetched,
        namespace.is_none(),
    )
    .await;
    let mut known = names.to_vec();
    known.retain(|name| !name.pick(&all).is_empty());
    Ok(ClusterGroups {
        cluster,
        records,
        statuses,
        known,
    })
}

/// Fails if a cluster or a name cannot be shown. Otherwise returns the same as for one cluster.
pub fn verdict(found: &[Result<ClusterGroups, Problem>], absent: &[String], asked: bool) -> Exit {
    if found.iter().any(Result::is_err) || !absent.is_empty() {
        return Exit::Failed;
    }
    let statuses = || found.iter().flatten().flat_map(|found| &found.statuses);
    if asked {
        once::verdict(statuses())
    } else {
        Exit::Done
    }
}

fn snapshot<'a>(
    env: &'a CommandEnv,
    found: &'a Result<ClusterGroups, Problem>,
) -> ClusterSnapshot<'a> {
    let context = env.flags.context.as_deref().unwrap_or_default();
    let mut snapshot = ClusterSnapshot {
        groups: ClusterStatuses {
            context,
            connection: &NO_FLAGS,
            statuses: &[],
            selector: None,
            now: Timestamp::UNIX_EPOCH,
        },
        server: None,
        error: found.as_ref().err(),
    };
    if let Ok(found) = found {
        snapshot.server = Some(&found.cluster.server);
        snapshot.groups.connection = &found.cluster.reach;
        snapshot.groups.statuses = &found.statuses;
        snapshot.groups.now = found.cluster.clock().now();
    }
    snapshot
}

fn render(snapshots: &[ClusterSnapshot], exit: Exit, page: &StatusPage) -> anyhow::Result<String> {
    let list = || ClusterStatusList::new(snapshots, exit.code());
    Ok(match page.format {
        StatusFormat::Json => json(&list())?,
        StatusFormat::Yaml => yaml(&list())?,
        _ => {
            let mut style = page.style();
            style.clusters = true;
            clusters::render(snapshots, style, page.columns())
        }
    })
}
