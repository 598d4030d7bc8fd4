use futures::future::join;

use super::StatusPage;
use super::print::{Printed, print};
use crate::cli::StatusArgs;
use crate::cluster::Clusters;
use crate::cluster::queries::conflicts;
use crate::commands::args::selection;
use crate::commands::args::selection::Selected;
use crate::model::{State, Status};
use crate::problem::Exit;
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::survey::survey;
use crate::resource::Record;

/// Shows the groups as they stand.
pub async fn run(
    cluster: &Clusters,
    namespace: Option<String>,
    args: &StatusArgs,
    page: StatusPage,
) -> anyhow::Result<Exit> {
    let namespace = namespace.as_deref();
    let labels = args.selector.as_deref();
    let of_all = args.names.is_empty();
    let Selected {
        records,
        rivals,
        prefetched,
        ..
    } = selection::choose(cluster, namespace, labels, &args.names, of_all).await?;
    let statuses = statuses(cluster, &records, &rivals, prefetched).await;
    if statuses.is_empty() {
        selection::say_none(cluster, namespace, args.selector.as_deref()).await;
    }
    let exit = args.exit_code.then(|| verdict(&statuses));
    print(
        cluster,
        &Printed {
            statuses: &statuses,
            exit,
            missing: None,
        },
        page,
    )?;
    Ok(exit.unwrap_or(Exit::Done))
}

/// How these groups stand, and what keeps them from having an effect. `rivals` are all groups of their namespaces.
pub async fn statuses(
    cluster: &Clusters,
    records: &[Record],
    rivals: &[Record],
    prefetched: PrefetchedSlices,
) -> Vec<Status> {
    let survey = survey(cluster, records, rivals, prefetched);
    let (mut statuses, obstacles) = join(survey, conflicts::on_routes(cluster, records)).await;
    conflicts::warn(&mut statuses, obstacles);
    statuses.sort_by(|a, b| a.id.cmp(&b.id));
    statuses
}

/// Whether there are groups, all with their traffic where it should be.
pub fn verdict<'a>(statuses: impl IntoIterator<Item = &'a Status>) -> Exit {
    let is_well = |status: &Status| matches!(status.state, State::Primary | State::Active);
    let mut statuses = statuses.into_iter().peekable();
    if statuses.peek().is_some() && statuses.all(is_well) {
        Exit::Done
    } else {
        Exit::NotMet
    }
}
