//! Prints the status of groups once.

use std::collections::BTreeSet;

use futures::future::join;

use super::evacuations;
use super::evacuations::ShownGroups;
use super::print::{Printed, StatusPage};
use crate::cli::StatusArgs;
use crate::cluster::queries::conflicts::ConflictsByGroup;
use crate::cluster::queries::installed_watch::InstalledWatches;
use crate::cluster::queries::{ailing_pods, conflicts, migrations};
use crate::cluster::{Cluster, Clusters};
use crate::commands::args::absent::say_no_groups;
use crate::commands::args::elsewhere::failing_groups;
use crate::commands::args::members::ContextGroups;
use crate::commands::args::query::GroupQuery;
use crate::commands::args::selection::{Selected, choose};
use crate::model::{GroupId, State, Status};
use crate::output::spinner::Spinner;
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::settle;
use crate::readiness::survey::survey;
use crate::resource::Record;

/// Prints the groups as they are.
pub async fn run(
    cluster: &Clusters,
    namespace: Option<String>,
    args: &StatusArgs,
    page: &StatusPage,
) -> anyhow::Result<Exit> {
    let query = GroupQuery {
        namespace: namespace.as_deref(),
        selector: args.selector.as_deref(),
        names: &args.names,
    };
    let of_all = args.names.is_empty();
    let Selected {
        records,
        rivals,
        prefetched,
        ..
    } = choose(&page.streams, cluster, query, of_all).await?;
    let everywhere = namespace.is_none();
    let streams = &page.streams;
    let (mut statuses, migrations) = join(
        statuses(streams, cluster, &records, &rivals, prefetched, everywhere),
        unfinished_migrations(cluster, &records, of_all),
    )
    .await;
    conflicts::warn(&mut statuses, migrations);
    if statuses.is_empty() {
        say_no_groups(&page.streams, cluster, query).await;
        let failing = failing_groups(cluster, query.namespace, query.selector).await;
        failing
            .iter()
            .for_each(|line| page.streams.say(&format!("  {line}")));
    }
    let cluster = &with_watch_logs(cluster, &records, &statuses).await;
    let exit = args.exit_code.then(|| verdict(&statuses));
    let printed = Printed {
        statuses: &statuses,
        exit,
        missing: None,
    };
    let shown = ShownGroups {
        groups: ContextGroups {
            cluster,
            records: &records,
        },
        statuses: &statuses,
    };
    evacuations::print(page, &[shown], &cluster.reach.everywhere()).await?;
    page.print(cluster, &printed)?;
    Ok(exit.unwrap_or(Exit::Done))
}

/// Has the next steps name the log of a `watch` in the cluster that should run groups, and does not.
pub async fn with_watch_logs(
    cluster: &Clusters,
    records: &[Record],
    statuses: &[Status],
) -> Clusters {
    let mut cluster = cluster.clone();
    let unattended = statuses.iter().filter(|status| status.flags.unattended);
    let unattended: BTreeSet<&GroupId> = unattended.map(|status| &status.id).collect();
    if !unattended.is_empty() {
        let records = records.iter();
        let records = records.filter(|record| unattended.contains(&record.id()));
        let logs = InstalledWatches::read(&cluster)
            .await
            .logs(&cluster.reach, records);
        cluster.local.reach = cluster.local.reach.with_watch_logs(logs);
    }
    cluster
}

/// Returns a warning for each named group whose migration has not finished. The objects that take
/// over are no groups yet: finding them takes a list of all objects of each kind, which would make
/// a status of all groups slow.
async fn unfinished_migrations(
    cluster: &Cluster,
    records: &[Record],
    of_all: bool,
) -> ConflictsByGroup {
    if of_all {
        return ConflictsByGroup::default();
    }
    migrations::unfinished(cluster, records).await
}

/// Returns the status of these groups, with warnings if they may have no effect. `rivals` are all
/// groups of their namespaces. With `everywhere`, routes of other namespaces count too.
pub async fn statuses(
    streams: &Streams,
    cluster: &Clusters,
    records: &[Record],
    rivals: &[Record],
    prefetched: PrefetchedSlices,
    everywhere: bool,
) -> Vec<Status> {
    let survey = survey(cluster, records, rivals, prefetched);
    let (mut statuses, obstacles) = join(survey, conflicts::on_routes(cluster, records)).await;
    if settle::is_unsettled(&statuses) {
        let spinner = Spinner::new(streams);
        spinner.show("waiting for the running watch to write a change");
        statuses = settle::settle(cluster, statuses).await;
    }
    conflicts::warn(&mut statuses, obstacles.by_group);
    conflicts::warn(&mut statuses, obstacles.ports);
    if everywhere {
        let consumers = conflicts::consumer_routes(cluster, records).await;
        conflicts::warn(&mut statuses, consumers);
    }
    ailing_pods::explain(cluster, &mut statuses).await;
    statuses.sort_by(|a, b| a.id.cmp(&b.id));
    statuses
}

/// Succeeds if there are groups, and the traffic of each is where it should be.
pub fn verdict<'a>(statuses: impl IntoIterator<Item = &'a Status>) -> Exit {
    let is_well = |status: &Status| matches!(status.state, State::Primary | State::Active);
    let mut statuses = statuses.into_iter().peekable();
    if statuses.peek().is_some() && statuses.all(is_well) {
        Exit::Done
    } else {
        Exit::NotMet
    }
}
