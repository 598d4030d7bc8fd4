//! Reads groups again while somebody is about to write a change of them, for commands that read
//! once: their user may lack the right to watch.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::pending_writes::PendingWrites;
use super::prefetch::PrefetchedSlices;
use super::survey::survey;
use crate::cluster::Clusters;
use crate::cluster::queries::group_list::list_groups;
use crate::model::{GroupId, Status};
use crate::resource::Record;

/// When to read again at first. Each later pause is twice as long.
const FIRST_REREAD: Duration = Duration::from_millis(150);

/// Whether [`settle`] has to wait.
pub fn is_unsettled(statuses: &[Status]) -> bool {
    statuses.iter().any(has_pending_write)
}

fn has_pending_write(status: &Status) -> bool {
    status.due.as_ref().is_some_and(|due| !due.is_delayed)
}

/// Returns the statuses once no change is about to be written, or is late.
pub async fn settle(cluster: &Clusters, mut statuses: Vec<Status>) -> Vec<Status> {
    let (mut pending, started) = (PendingWrites::default(), Instant::now());
    let mut pause = FIRST_REREAD;
    while is_unsettled(&statuses) {
        let unsettled: Vec<Status> = statuses
            .iter()
            .filter(|it| has_pending_write(it))
            .cloned()
            .collect();
        let settled = pending.settle(unsettled, &[], started.elapsed());
        replace(&mut statuses, settled.statuses);
        let Some(late) = pending.next_late(started.elapsed()) else {
            break;
        };
        sleep(pause.min(late.saturating_sub(started.elapsed()))).await;
        pause *= 2;
        let unsettled = statuses.iter().filter(|it| has_pending_write(it));
        let again = read_again(cluster, unsettled.map(|it| &it.id).collect()).await;
        replace(&mut statuses, again);
    }
    statuses
}

fn replace(statuses: &mut [Status], by: Vec<Status>) {
    for new in by {
        if let Some(old) = statuses.iter_mut().find(|old| old.id == new.id) {
            *old = new;
        }
    }
}

/// Returns the statuses of these groups, without those that cannot be read.
async fn read_again(cluster: &Clusters, ids: BTreeSet<&GroupId>) -> Vec<Status> {
    let namespaces: BTreeSet<&String> = ids.iter().map(|id| &id.namespace).collect();
    let ids = &ids;
    let reads = namespaces.into_iter().map(|namespace| async move {
        let rivals = list_groups(cluster, Some(namespace), None)
            .await
            .ok()?
            .records;
        let records: Vec<Record> = rivals
            .iter()
            .filter(|record| ids.contains(&record.id()))
            .cloned()
            .collect();
        Some(survey(cluster, &records, &rivals, PrefetchedSlices::default()).await)
    });
    join_all(reads)
        .await
        .into_iter()
        .flatten()
        .flatten()
        .collect()
}
