//! What is true after the writes: read back, not taken from what was asked.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::{Fate, Order, Outcome};
use crate::cluster::{Cluster, survey};
use crate::model::{Readiness, Runner, State, Status};
use crate::resource::Record;

/// How often a group is looked at that is not as asked. What a watch needs, who forces may not have a right to.
const PACE: Duration = Duration::from_secs(1);

/// Reads the groups that are as they were to be made; where the order has patience, until all of them are as asked.
pub async fn read_back(cluster: &Cluster, outcomes: &mut [Outcome], order: &dyn Order) {
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

/// Whether every group that was read is as asked.
pub fn all_met(outcomes: &[Outcome], order: &dyn Order) -> bool {
    outcomes.iter().filter_map(|outcome| outcome.now.as_ref()).all(|status| order.is_met(status))
}

async fn look(cluster: &Cluster, outcomes: &mut [Outcome]) {
    let mut wanted: Vec<&mut Outcome> = outcomes
        .iter_mut()
        .filter(|outcome| matches!(outcome.fate, Fate::Changed(_) | Fate::Unchanged(_)))
        .collect();
    let namespaces: BTreeSet<String> = wanted.iter().map(|outcome| outcome.id.namespace.clone()).collect();
    let reads = namespaces.iter().map(|namespace| async {
        let meant = |record: &Record| wanted.iter().any(|outcome| outcome.id == record.id());
        // Where they can't be read, what the writes answered has to do.
        let all = survey::list_groups(cluster, Some(namespace), None).await.unwrap_or_default();
        let records: Vec<Record> = all.records.iter().filter(|record| meant(record)).cloned().collect();
        survey::survey(cluster, &records, &all.records).await
    });
    let statuses: Vec<Status> = join_all(reads).await.into_iter().flatten().collect();
    for status in statuses {
        let outcome = wanted.iter_mut().find(|outcome| outcome.id == status.id);
        if let Some(outcome) = outcome {
            outcome.now = Some(status);
        }
    }
}

/// That a backend was asked for and carries nothing: why, and when it will.
pub fn not_there(status: &Status, name: &str, place: &str) -> Vec<String> {
    let backend = status.backends.iter().find(|backend| backend.name == name && backend.weight == 0);
    let Some(backend) = backend.filter(|_| status.state != State::Invalid) else { return Vec::new() };
    let (why, once) = match &backend.readiness {
        Readiness::Unknown { why } => {
            (format!("whether it is ready is not known: {why}"), "is known to be ready")
        }
        Readiness::Missing => ("there is no such Service".to_owned(), "has a ready endpoint"),
        readiness if readiness.is_dead() => ("it has no ready endpoint".to_owned(), "has a ready endpoint"),
        readiness => {
            let (ready, total) = readiness.counts().unwrap_or_default();
            (format!("{ready} of {total} endpoints are ready"), "has enough ready endpoints")
        }
    };
    let mut lines =
        vec![format!("the traffic was not moved to {name}: {why}; a loop moves it when {name} {once}")];
    if status.paused.is_some() {
        lines.push(format!(
            "the pause keeps a loop from it: kubectl failover resume {} {place}",
            status.id.short_name()
        ));
    } else if status.runner == Runner::Nobody {
        lines.push(format!("nobody runs a loop here: kubectl failover watch {place}"));
    }
    lines
}
