//! Writes one change with compare-and-swap: after a conflict the group is read and planned again.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::later_events::LaterEvents;
use super::order::{ChangePlan, ChangeResult, Order, PlannedWrite};
use super::precondition::Precondition;
use super::preflight::{Preflight, preflight};
use super::retry::Retries;
use crate::cluster::api::events::ObjectEvent;
use crate::cluster::api::{apply, events, groups};
use crate::cluster::{Cluster, Clusters, RequestResult};
use crate::error::{explain, explain_write};
use crate::model::{EventKind, GroupEvent, GroupId};
use crate::problem::Problem;
use crate::resource::{Change, Record, events_between};

/// How many of the groups that may or may not have been changed are named.
const MAX_NAMED_GROUPS: usize = 20;

/// An order, who gave it, and on which cluster.
#[derive(Clone, Copy)]
pub struct OrderContext<'a> {
    pub cluster: &'a Clusters,
    pub order: &'a dyn Order,
    /// User and host.
    pub by: &'a str,
    /// The API server's time when the order was given.
    pub started: Timestamp,
    /// Where the Events wait; none if they follow each write.
    pub later: Option<&'a LaterEvents>,
}

impl OrderContext<'_> {
    pub async fn preflight(&self, records: &[Record]) -> Vec<Preflight> {
        let reads = self.order.spec().reads;
        preflight(self.cluster, records, self.by, self.started, reads).await
    }
}

/// Writes a change; with `dry_run` the API server only validates it. `seen` is what it was planned
/// on, `shown` what the prompt showed, if there was one.
pub async fn write(
    context: OrderContext<'_>,
    mut record: Record,
    mut seen: Preflight,
    mut planned: PlannedWrite,
    dry_run: bool,
    shown: Option<&Precondition>,
) -> ChangeResult {
    let OrderContext { cluster, order, .. } = context;
    let mut retries = Retries::within(order.spec().write_timeout);
    let mut may_be_done = false;
    loop {
        let error = match write_group(context, &record, &seen, &planned.change, dry_run).await {
            Ok(()) => return write_breaker(cluster, planned, dry_run).await,
            Err(error) => error,
        };
        if error.is_not_found() {
            return match order.spec().deletes {
                true => ChangeResult::Changed(planned.words),
                false => ChangeResult::Gone(gone(cluster, &record)),
            };
        }
        may_be_done |= !dry_run && error.may_have_been_applied();
        let doubtful: Vec<GroupId> = may_be_done.then(|| record.id()).into_iter().collect();
        let failed = |problem| ChangeResult::Failed(maybe_changed(cluster, &doubtful, problem));
        if !retries.wait(&error).await {
            return failed(explain_write(cluster, &error).await);
        }
        let version = record.meta.resource_version.clone();
        record = match read_again(cluster, &record, &mut retries).await {
            Ok(found) => found,
            Err(ChangeResult::Failed(problem)) => return failed(problem),
            // Our own write, whose response was lost, or somebody else's.
            Err(ChangeResult::Gone(_)) if order.spec().deletes => {
                return ChangeResult::Changed(planned.words);
            }
            Err(result) => return result,
        };
        if error.code() == Some(422) && record.meta.resource_version == version {
            return ChangeResult::Failed(explain(cluster, &error));
        }
        (seen, planned) = match plan_again(context, &record, shown).await {
            Ok((seen, ChangePlan::Change(planned))) => (seen, *planned),
            // Another write made the change, perhaps ours whose response was lost.
            Ok((_, ChangePlan::Unchanged(words))) => return ChangeResult::Unchanged(words),
            Ok((_, ChangePlan::Left(why))) => return ChangeResult::Left(why),
            Err(result) => return result,
        };
    }
}

/// Writes the group's object, unless nothing on it changes.
async fn write_group(
    context: OrderContext<'_>,
    record: &Record,
    seen: &Preflight,
    change: &Change,
    dry_run: bool,
) -> RequestResult<()> {
    if context.order.spec().deletes {
        apply::delete(context.cluster, record, dry_run).await?;
        if !dry_run {
            publish_deletion(context, record).await;
        }
        return Ok(());
    }
    if change.is_empty() {
        return Ok(());
    }
    let after = apply::apply(context.cluster, record, change, dry_run).await?;
    if !dry_run {
        publish_events(context, seen, record, &after).await;
    }
    Ok(())
}

/// Writes the second object, if the plan has one.
async fn write_breaker(cluster: &Cluster, planned: PlannedWrite, dry_run: bool) -> ChangeResult {
    if let Some(breaker) = planned.breaker
        && let Err(problem) = breaker.write(cluster, dry_run).await
    {
        return ChangeResult::Failed(problem);
    }
    if dry_run {
        return ChangeResult::WouldChange(planned.words);
    }
    ChangeResult::Changed(planned.words)
}

async fn plan_again(
    context: OrderContext<'_>,
    record: &Record,
    shown: Option<&Precondition>,
) -> Result<(Preflight, ChangePlan), ChangeResult> {
    let seen = context.preflight(std::slice::from_ref(record)).await;
    let Some(seen) = seen.into_iter().next() else {
        return Err(ChangeResult::Gone(gone(context.cluster, record)));
    };
    let mut plan = context.order.plan(&seen);
    if let (Ok(ChangePlan::Change(_)), Some(shown)) = (&plan, shown) {
        plan = shown.check(context.cluster, record).and(plan);
    }
    let plan = plan.map_err(ChangeResult::Refused)?;
    Ok((seen, plan))
}

/// Returns the group as it is now, or the result of one that no longer exists.
pub async fn read_now(
    cluster: &Cluster,
    record: &Record,
) -> RequestResult<Result<Record, ChangeResult>> {
    let (namespace, name) = (&record.meta.namespace, &record.meta.name);
    let found = groups::get(cluster, record.kind, namespace, name).await?;
    let group = found.filter(Record::is_controlled);
    Ok(group.ok_or_else(|| ChangeResult::Gone(gone(cluster, record))))
}

/// Reads the group again.
///
/// # Errors
/// The group's result, if it cannot be read or is no longer a group.
pub async fn read_again(
    cluster: &Cluster,
    record: &Record,
    retries: &mut Retries,
) -> Result<Record, ChangeResult> {
    loop {
        match read_now(cluster, record).await {
            Ok(found) => return found,
            Err(error) if retries.wait(&error).await => {}
            Err(error) => return Err(ChangeResult::Failed(explain(cluster, &error))),
        }
    }
}

/// Adds the groups that may or may not have been changed to a problem.
pub fn maybe_changed(cluster: &Cluster, groups: &[GroupId], problem: Problem) -> Problem {
    if groups.is_empty() {
        return problem;
    }
    let mut names: Vec<String> = groups
        .iter()
        .take(MAX_NAMED_GROUPS)
        .map(GroupId::short_name)
        .collect();
    if groups.len() > MAX_NAMED_GROUPS {
        names.push(format!("{} more", groups.len() - MAX_NAMED_GROUPS));
    }
    let mut flags = place_of(cluster, groups);
    if is_one_namespace(groups) && groups.len() <= MAX_NAMED_GROUPS {
        flags = format!("{} {flags}", names.join(" "));
    }
    let names = names.join(", ");
    problem.next(format!(
        "{names} may or may not have been changed; to check: kubectl failover status {flags}"
    ))
}

/// Returns the flags that reach all of these groups.
pub fn place_of<G: Borrow<GroupId>>(cluster: &Cluster, groups: &[G]) -> String {
    match groups {
        [first, ..] if is_one_namespace(groups) => {
            cluster.reach.for_plugin(&first.borrow().namespace)
        }
        _ => cluster.reach.scoped(None),
    }
}

fn is_one_namespace<G: Borrow<GroupId>>(groups: &[G]) -> bool {
    let namespaces = groups.iter().map(|group| &group.borrow().namespace);
    namespaces.collect::<BTreeSet<_>>().len() == 1
}

/// The group was deleted, or is no longer a group.
fn gone(cluster: &Cluster, record: &Record) -> Problem {
    let place = cluster.reach.for_plugin(&record.meta.namespace);
    Problem::new(format!(
        "group {} does not exist any more",
        record.id().short_name()
    ))
    .next(format!(
        "it was deleted or lost its label; to list the groups: kubectl failover status {place}"
    ))
}

/// Publishes an Event for a deletion. Failing to do so does not fail it.
async fn publish_deletion(context: OrderContext<'_>, record: &Record) {
    let OrderContext { cluster, by, .. } = context;
    let group = record.group.as_ref().ok();
    let active = group.map(|group| group.write_weights(&group.weights()));
    let event = GroupEvent {
        kind: EventKind::Gone,
        group: record.id(),
        apex: Some(record.apex.clone()),
        at: cluster.clock().now(),
        from: active,
        to: None,
        by: by.to_owned(),
        why: format!(
            "deleted; all traffic goes to {}, without failover",
            record.apex
        ),
        unverified: false,
        took: None,
    };
    let event = ObjectEvent::new(record, event).on_object(by);
    if let Err(cause) = events::publish(cluster, &record.meta.namespace, &event).await {
        tracing::debug!(%cause, "an Event was not written");
    }
}

/// Publishes an Event for everything that the change did to the group, and for the outage that a
/// move has ended. Failing to do so does not fail the change.
async fn publish_events(
    context: OrderContext<'_>,
    seen: &Preflight,
    before: &Record,
    after: &Record,
) {
    let OrderContext {
        cluster, by, later, ..
    } = context;
    let done = events_between(before, after, cluster.clock().now());
    let moves = done.iter().any(GroupEvent::moves);
    let unreported = seen.unreported().filter(|_| moves);
    let done = done.into_iter().map(|event| GroupEvent {
        by: by.to_owned(),
        ..event
    });
    for event in unreported.into_iter().chain(done) {
        let event = ObjectEvent::new(after, event).on_object(by);
        if let Some(later) = later {
            later.push(&after.meta.namespace, event);
            continue;
        }
        if let Err(cause) = events::publish(cluster, &after.meta.namespace, &event).await {
            tracing::debug!(%cause, "an Event was not written");
            return;
        }
    }
}
