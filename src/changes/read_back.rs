//! What is true after the writes: read back, not taken from what was asked.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::order::{ChangeOutcome, Order};
use crate::cluster::Clusters;
use crate::cluster::queries::group_list::list_groups;
use crate::error::explain;
use crate::model::{Readiness, Runner, State, Status};
use crate::problem::Problem;
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::survey::survey;
use crate::resource::Record;
use crate::text::command_on;

/// How often a group is looked at that is not as asked. What a watch needs, who forces may not have a right to.
const PACE: Duration = Duration::from_secs(1);

/// Reads the groups that are as they were to be made, and puts the outcomes into the groups' order; where the order has patience, until all of them are as asked.
pub async fn read_back(cluster: &Clusters, outcomes: &mut [ChangeOutcome], order: &dyn Order) {
    outcomes.sort_by(|a, b| a.id.cmp(&b.id));
    let patience = order.patience();
    let end = Instant::now() + patience.unwrap_or_default();
    loop {
        look(cluster, outcomes).await;
        let left = end.saturating_duration_since(Instant::now());
        if all_met(outcomes, order) || left.is_zero() {
            return;
        }
        sleep(PACE.min(left)).await;
    }
}

/// Whether every group that was changed, or was so already, is seen to be as asked.
pub fn all_met(outcomes: &[ChangeOutcome], order: &dyn Order) -> bool {
    let is_met =
        |outcome: &ChangeOutcome| matches!(&outcome.now, Some(Ok(status)) if order.is_met(status));
    outcomes
        .iter()
        .filter(|outcome| outcome.is_so())
        .all(is_met)
}

async fn look(cluster: &Clusters, outcomes: &mut [ChangeOutcome]) {
    let wanted: Vec<&mut ChangeOutcome> = outcomes
        .iter_mut()
        .filter(|outcome| outcome.is_so())
        .collect();
    let namespaces: BTreeSet<String> = wanted
        .iter()
        .map(|outcome| outcome.id.namespace.clone())
        .collect();
    let reads = namespaces.iter().map(|namespace| async {
        let meant = |record: &Record| wanted.iter().any(|outcome| outcome.id == record.id());
        let read = match list_groups(cluster, Some(namespace), None).await {
            Ok(all) => {
                let records: Vec<Record> = all
                    .records
                    .iter()
                    .filter(|record| meant(record))
                    .cloned()
                    .collect();
                Ok(survey(cluster, &records, &all.records, PrefetchedSlices::default()).await)
            }
            Err(error) => Err(explain(cluster, &error)),
        };
        (namespace.as_str(), read)
    });
    let reads: HashMap<&str, Result<Vec<Status>, Problem>> =
        join_all(reads).await.into_iter().collect();
    for outcome in wanted {
        let find = |statuses: &Vec<Status>| {
            let status = statuses
                .iter()
                .find(|status| status.id == outcome.id)
                .cloned();
            status.ok_or_else(|| Problem::new("there is no such group any more"))
        };
        let read = reads.get(outcome.id.namespace.as_str());
        outcome.now = read.map(|read| read.as_ref().map_err(Problem::clone).and_then(find));
    }
}

/// That a backend was asked for and carries nothing: why, and when it will.
pub fn not_there(status: &Status, name: &str, place: &str) -> Vec<String> {
    let backend = status
        .backends
        .iter()
        .find(|backend| backend.name == name && backend.weight == 0);
    let Some(backend) = backend.filter(|_| status.state != State::Invalid) else {
        return Vec::new();
    };
    let (why, once) = match &backend.readiness {
        Readiness::Unknown { why } => (
            format!("whether it is ready is not known: {why}"),
            "is known to be ready",
        ),
        Readiness::Missing => (
            "there is no such Service".to_owned(),
            "has a ready endpoint",
        ),
        readiness if readiness.is_dead() => (
            "it has no ready endpoint".to_owned(),
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
        "the traffic was not moved to {name}: {why}; a loop moves it when {name} {once}"
    )];
    if status.paused.is_some() {
        let command = command_on("resume", &status.id, place);
        lines.push(format!("the pause keeps a loop from it: {command}"));
    } else if status.runner == Runner::Nobody {
        lines.push(format!(
            "nobody runs a loop here: kubectl failover watch {place}"
        ));
    }
    lines
}
