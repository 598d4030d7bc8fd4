//! Plans an order on every group, and again on the groups as they are after the prompt.

use std::collections::HashMap;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::sleep;

use super::order::{ChangeOutcome, ChangePlan, Order};
use super::precondition::Precondition;
use super::preflight::{MAX_CONCURRENT_GROUPS, Preflight};
use super::refusal::Refusal;
use super::retry::Retries;
use super::write::{OrderContext, read_again};
use crate::model::GroupId;
use crate::resource::Record;

/// How often unreadable endpoints are read again before planning without them.
const MAX_READINESS_READS: u32 = 10;
const READINESS_READ_INTERVAL: Duration = Duration::from_secs(1);

/// A group, its preflight, and the plan for it.
pub struct PlannedChange {
    pub record: Record,
    pub seen: Preflight,
    pub plan: Result<ChangePlan, Refusal>,
    /// The orders on it that the prompt showed.
    pub shown: Option<Precondition>,
}

impl PlannedChange {
    pub fn of(order: &dyn Order, record: Record, seen: Preflight) -> Self {
        Self {
            plan: order.plan(&seen),
            record,
            seen,
            shown: None,
        }
    }

    pub fn is_change(&self) -> bool {
        matches!(self.plan, Ok(ChangePlan::Change(_)))
    }
}

pub async fn plan_all(context: OrderContext<'_>, records: Vec<Record>) -> Vec<PlannedChange> {
    let seen = context.preflight(&records).await;
    let planned = records.into_iter().zip(seen);
    let planned = planned.map(|(record, seen)| PlannedChange::of(context.order, record, seen));
    planned.collect()
}

/// Plans on the groups as they are after the prompt. Also returns the outcomes of groups that can
/// no longer be read.
pub async fn plan_confirmed(
    context: OrderContext<'_>,
    shown: Vec<PlannedChange>,
) -> (Vec<PlannedChange>, Vec<ChangeOutcome>) {
    let shown: Vec<Record> = shown.into_iter().map(|change| change.record).collect();
    let (records, lost) = read_all_again(context, &shown).await;
    let mut changes = plan_all(context, records).await;
    let shown = shown.iter().map(|record| (record.id(), record));
    let shown: HashMap<GroupId, &Record> = shown.collect();
    for change in &mut changes {
        let record = shown.get(&change.record.id());
        change.shown = record.map(|record| Precondition::of(record));
        if let (true, Some(shown)) = (change.is_change(), &change.shown)
            && let Err(refusal) = shown.check(context.cluster, &change.record)
        {
            change.plan = Err(refusal);
        }
    }
    (changes, lost)
}

/// Plans on the groups as they are now, once their readiness can be read. Also returns the outcomes
/// of groups that can no longer be read.
pub async fn plan_readable(
    context: OrderContext<'_>,
    records: &[Record],
) -> (Vec<PlannedChange>, Vec<ChangeOutcome>) {
    let (records, lost) = read_all_again(context, records).await;
    let mut changes = plan_all(context, records).await;
    for _ in 1..MAX_READINESS_READS {
        if !changes.iter().any(|change| change.seen.misses_readiness()) {
            break;
        }
        sleep(READINESS_READ_INTERVAL).await;
        let records = changes.into_iter().map(|change| change.record).collect();
        changes = plan_all(context, records).await;
    }
    (changes, lost)
}

async fn read_all_again(
    context: OrderContext<'_>,
    records: &[Record],
) -> (Vec<Record>, Vec<ChangeOutcome>) {
    let reads = records.iter().map(|record| async move {
        let mut retries = Retries::within(context.order.spec().write_timeout);
        let found = read_again(context.cluster, record, &mut retries).await;
        found.map_err(|result| ChangeOutcome::of(record, result))
    });
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    let mut reads = stream::iter(reads).buffered(MAX_CONCURRENT_GROUPS);
    while let Some(read) = reads.next().await {
        match read {
            Ok(record) => found.push(record),
            Err(outcome) => lost.push(outcome),
        }
    }
    (found, lost)
}

/// The groups that are about to be changed.
pub fn ids_to_change(changes: &[PlannedChange]) -> Vec<GroupId> {
    let changed = changes.iter().filter(|change| change.is_change());
    changed.map(|change| change.record.id()).collect()
}
