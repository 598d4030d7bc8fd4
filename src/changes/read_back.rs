//! Reads the groups back after the writes, to report their actual state.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::order::{ChangeOutcome, ChangeResult, Order};
use super::precondition::evacuated;
use super::preflight::MAX_CONCURRENT_GROUPS;
use crate::cluster::Clusters;
use crate::cluster::api::groups;
use crate::cluster::queries::group_list::list_groups;
use crate::error::explain;
use crate::model::{GroupId, Readiness, Runner, State, Status};
use crate::problem::Problem;
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::survey::survey;
use crate::resource::KINDS;
use crate::text::ConnectionFlags;
use crate::view::command_line::{command_on, return_command};

/// How often to read back with `--wait`. The user may lack the right to watch.
const READ_BACK_INTERVAL: Duration = Duration::from_secs(1);

/// Sorts the outcomes, and reads every group that is as ordered. With `--wait`, reads until all
/// satisfy [`Order::is_met`].
pub async fn read_back(cluster: &Clusters, outcomes: &mut [ChangeOutcome], order: &dyn Order) {
    outcomes.sort_by(|a, b| a.id.cmp(&b.id));
    let deadline = Instant::now() + order.spec().wait.unwrap_or_default();
    loop {
        if order.spec().deletes {
            return read_deleted(cluster, outcomes).await;
        }
        read(cluster, outcomes).await;
        let left = deadline.saturating_duration_since(Instant::now());
        if all_met(outcomes, order) || left.is_zero() {
            return;
        }
        sleep(READ_BACK_INTERVAL.min(left)).await;
    }
}

/// Whether every group that is as ordered was read back and satisfies [`Order::is_met`].
pub fn all_met(outcomes: &[ChangeOutcome], order: &dyn Order) -> bool {
    let is_met =
        |outcome: &ChangeOutcome| matches!(&outcome.now, Some(Ok(status)) if order.is_met(status));
    outcomes
        .iter()
        .filter(|outcome| outcome.is_as_ordered())
        .all(is_met)
}

async fn read(cluster: &Clusters, outcomes: &mut [ChangeOutcome]) {
    let wanted: Vec<&mut ChangeOutcome> = outcomes
        .iter_mut()
        .filter(|outcome| outcome.is_as_ordered())
        .collect();
    let namespaces: BTreeSet<String> = wanted
        .iter()
        .map(|outcome| outcome.id.namespace.clone())
        .collect();
    let ids: HashSet<&GroupId> = wanted.iter().map(|outcome| &outcome.id).collect();
    let reads = namespaces.iter().map(|namespace| async {
        let read = match list_groups(cluster, Some(namespace), None).await {
            Ok(all) => {
                let mut records = all.records.clone();
                records.retain(|record| ids.contains(&record.id()));
                let read = survey(cluster, &records, &all.records, PrefetchedSlices::default());
                let read = read.await.into_iter();
                Ok(read.map(|status| (status.id.clone(), status)).collect())
            }
            Err(error) => Err(explain(cluster, &error)),
        };
        (namespace.as_str(), read)
    });
    let reads: HashMap<&str, Result<HashMap<GroupId, Status>, Problem>> =
        join_all(reads).await.into_iter().collect();
    for outcome in wanted {
        let find = |statuses: &HashMap<GroupId, Status>| {
            let status = statuses.get(&outcome.id).cloned();
            status.ok_or_else(|| Problem::new("the group does not exist any more"))
        };
        let read = reads.get(outcome.id.namespace.as_str());
        outcome.now = read.map(|read| read.as_ref().map_err(Problem::clone).and_then(find));
    }
}

/// Reads which of the deleted objects still exist.
async fn read_deleted(cluster: &Clusters, outcomes: &mut [ChangeOutcome]) {
    let deleted = outcomes
        .iter_mut()
        .filter(|outcome| matches!(outcome.result, ChangeResult::Changed(_)));
    let reads = deleted.map(async |outcome| {
        let id = &outcome.id;
        let kind = KINDS.iter().find(|kind| kind.info().name == id.kind)?;
        let found = groups::get(cluster, *kind, &id.namespace, &id.name).await;
        let problem = match found {
            Ok(None) => return None,
            Ok(Some(record)) if record.meta.deletion_timestamp.is_some() => {
                Problem::new("a finalizer keeps the object, which works until it is gone")
            }
            Ok(Some(_)) => Problem::new("somebody has created it again"),
            Err(error) => explain(cluster, &error),
        };
        outcome.now = Some(Err(problem));
        Some(())
    });
    stream::iter(reads)
        .buffer_unordered(MAX_CONCURRENT_GROUPS)
        .collect::<Vec<_>>()
        .await;
}

/// Says why the backend of an order carries no traffic, and when it will.
pub fn why_not_moved(status: &Status, name: &str, reach: &ConnectionFlags) -> Vec<String> {
    let place = &reach.for_plugin(&status.id.namespace);
    let backend = status
        .backends
        .iter()
        .find(|backend| backend.name == name && backend.weight == 0);
    let Some(backend) = backend.filter(|_| status.state != State::Invalid) else {
        return Vec::new();
    };
    if let Some(entry) = status.avoids(name) {
        let by = evacuated(entry);
        let next = return_command(entry, reach);
        return vec![
            format!("traffic did not move to {name}: it is {by}"),
            format!("to end the evacuation, for all its groups in this context: {next}"),
        ];
    }
    let (why, once) = match &backend.readiness {
        Readiness::Unknown { why } => (
            format!("its readiness is unknown: {why}"),
            "is known to be ready",
        ),
        Readiness::Missing => (
            "its Service does not exist".to_owned(),
            "has a ready endpoint",
        ),
        readiness if readiness.is_dead() => (
            readiness
                .without_port()
                .unwrap_or_else(|| "it has no ready endpoint".to_owned()),
            "has a ready endpoint",
        ),
        readiness => {
            let (ready, total) = readiness.counts().unwrap_or_default();
            (
                format!("{ready} of {total} endpoints are ready"),
                "has enough ready endpoints",
            )
        }
    };
    let mut lines = vec![format!(
        "traffic did not move to {name}: {why}; a watch moves it once {name} {once}"
    )];
    if status.paused.is_some() {
        let command = command_on("resume", &status.id, place);
        lines.push(format!(
            "the group is paused, so no watch moves it; to resume: {command}"
        ));
    } else if status.runner == Runner::Unattended {
        lines.push(format!(
            "no watch is running in this namespace; start one: kubectl failover watch {place}"
        ));
    }
    lines
}
