use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::print::{style, write};
use super::{StatusPage, once};
use crate::access::rights::RbacCommand;
use crate::cli::{GlobalArgs, StatusArgs, StatusFormat};
use crate::cluster::Clusters;
use crate::cluster::queries::group_list::list_groups;
use crate::cluster::transport::connection_flags;
use crate::commands::args::{contexts, selection};
use crate::commands::scope;
use crate::error;
use crate::error::Report;
use crate::model::{GroupId, Status};
use crate::output::terminal::say;
use crate::problem::{Exit, Problem};
use crate::readiness::prefetch::{PrefetchedSlices, list_groups_and_slices};
use crate::resource::{GroupName, Record};
use crate::text::{clean_json, clean_lines};
use crate::view::clusters;
use crate::view::clusters::{ClusterSnapshot, ClusterStatusList};
use crate::view::table::{Shown, TableStyle};

/// How long one cluster may take for all that is asked of it; more only where one request is allowed more.
const LIMIT: Duration = Duration::from_secs(30);

/// The groups of one cluster.
struct Found {
    cluster: Clusters,
    statuses: Vec<Status>,
    /// The names that mean a group there.
    known: Vec<GroupName>,
}

/// Shows the groups of several clusters as they stand; a cluster that can't be read is one line of that.
pub async fn run(each: &[GlobalArgs], args: &StatusArgs, page: StatusPage) -> anyhow::Result<Exit> {
    let names: anyhow::Result<_> = args
        .names
        .iter()
        .map(|name| selection::parse_name(name))
        .collect();
    let names: Vec<GroupName> = names?;
    let found = join_all(each.iter().map(|flags| look_in_time(flags, args, &names))).await;
    let found: Vec<Result<Found, Report>> = found
        .into_iter()
        .map(|found| found.map_err(|error| Report::of(&error)))
        .collect();
    let absent = names.iter().filter(|name| {
        !found
            .iter()
            .flatten()
            .any(|found| found.known.contains(name))
    });
    let absent: Vec<String> = absent.map(ToString::to_string).collect();
    let exit = verdict(&found, &absent, args.exit_code);
    let looks: Vec<ClusterSnapshot> = each
        .iter()
        .zip(&found)
        .map(|(flags, found)| look(flags, found))
        .collect();
    write(&render(&looks, exit, page)?)?;
    if !absent.is_empty() {
        say(&format!(
            "error: there is no group {} in any cluster that could be read",
            absent.join(", ")
        ));
    } else if found
        .iter()
        .flatten()
        .all(|found| found.statuses.is_empty())
    {
        say("No groups found in the clusters that could be read.");
    }
    Ok(exit)
}

async fn look_in_time(
    flags: &GlobalArgs,
    args: &StatusArgs,
    names: &[GroupName],
) -> anyhow::Result<Found> {
    let limit = LIMIT.max(flags.request_timeout.unwrap_or_default());
    match tokio::time::timeout(limit, find(flags, args, names)).await {
        Ok(found) => found,
        Err(_) => Err(Problem::new(format!("it did not answer in {} s", limit.as_secs()))
            .next("check the connection, and the program that gives the credentials, if there is one")
            .into()),
    }
}

async fn find(flags: &GlobalArgs, args: &StatusArgs, names: &[GroupName]) -> anyhow::Result<Found> {
    let cluster = contexts::connect(RbacCommand::Status, flags, &args.remotes).await?;
    let namespace = scope(flags, &cluster);
    let (namespace, labels) = (namespace.as_deref(), args.selector.as_deref());
    let listed = if names.is_empty() {
        list_groups_and_slices(&cluster, namespace, labels).await
    } else {
        let groups = list_groups(&cluster, namespace, labels).await;
        groups.map(|groups| (groups, PrefetchedSlices::default()))
    };
    let (groups, prefetched) =
        listed.map_err(|error| error::explain_group_list(&cluster, &error))?;
    let all = selection::readable(&cluster, groups);
    let picked: HashSet<GroupId> = names
        .iter()
        .flat_map(|name| name.pick(&all))
        .map(Record::id)
        .collect();
    let is_meant = |record: &&Record| names.is_empty() || picked.contains(&record.id());
    let records: Vec<Record> = all.iter().filter(is_meant).cloned().collect();
    let statuses = once::statuses(&cluster, &records, &all, prefetched).await;
    let known = names
        .iter()
        .filter(|name| !name.pick(&all).is_empty())
        .cloned()
        .collect();
    Ok(Found {
        cluster,
        statuses,
        known,
    })
}

/// What can't be shown is an error; otherwise it is as for one cluster.
fn verdict(found: &[Result<Found, Report>], absent: &[String], asked: bool) -> Exit {
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

fn look<'a>(flags: &'a GlobalArgs, found: &'a Result<Found, Report>) -> ClusterSnapshot<'a> {
    let context = flags.context.as_deref().unwrap_or_default();
    match found {
        Ok(Found {
            cluster, statuses, ..
        }) => ClusterSnapshot {
            shown: Shown {
                context,
                reach: &cluster.reach,
                statuses,
                now: cluster.clock().now(),
            },
            server: Some(&cluster.server),
            error: None,
        },
        Err(told) => {
            let shown = Shown {
                context,
                reach: &connection_flags::NOWHERE,
                statuses: &[],
                now: Timestamp::UNIX_EPOCH,
            };
            ClusterSnapshot {
                shown,
                server: None,
                error: Some(told),
            }
        }
    }
}

fn render(looks: &[ClusterSnapshot], exit: Exit, page: StatusPage) -> anyhow::Result<String> {
    let list = || ClusterStatusList::new(looks, exit.code());
    Ok(match page.format {
        StatusFormat::Json => clean_json(&serde_json::to_string_pretty(&list())?) + "\n",
        StatusFormat::Yaml => clean_lines(&serde_yaml::to_string(&list())?),
        _ => clusters::render(
            looks,
            TableStyle {
                clusters: true,
                ..style(page)
            },
        ),
    })
}
