//! From the groups that were chosen to what has become of them: plans, the question, the writes, and what is true
//! afterwards.

use std::cell::RefCell;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::sleep;

use super::order::{
    ChangeOutcome, ChangePlan, ChangeResult, Order, Preflight, PreflightReads, Refusal, look,
};
use super::precondition::Precondition;
use super::{confirm, read_back, report, write};
use crate::cli::{ChangeArgs, DryRun, StreamFormat};
use crate::cluster::api::identity;
use crate::cluster::{Cluster, Clusters};
use crate::error;
use crate::model::GroupId;
use crate::problem::Exit;
use crate::process::signals::Interrupts;
use crate::resource::Record;

/// How many groups are read or written at once.
pub(crate) const AT_ONCE: usize = 16;

/// How often endpoints are looked at that can't be read just now, before what follows is done without knowing.
const MOST_LOOKS: u32 = 10;
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// An order that has been carried out.
#[derive(Debug)]
pub struct Executed {
    /// An error where it could not be told.
    pub exit: anyhow::Result<Exit>,
    /// From when on what it does is to last.
    pub started: Timestamp,
    /// By whom.
    pub by: String,
    /// The groups that are as it says.
    pub groups: Vec<GroupId>,
    /// Signals from before the first write on, where they are to end it.
    pub interrupts: Option<Interrupts>,
}

/// Plans for every group, asks once, writes, and tells what is true afterwards.
pub async fn carry_out(
    cluster: &Clusters,
    records: Vec<Record>,
    args: &ChangeArgs,
    asks: bool,
    order: &dyn Order,
) -> anyhow::Result<Executed> {
    carry_out_beside(cluster, records, Vec::new(), args, asks, order).await
}

/// The same, telling of groups that it has come to an end with before, too.
pub async fn carry_out_beside(
    cluster: &Clusters,
    records: Vec<Record>,
    before: Vec<ChangeOutcome>,
    args: &ChangeArgs,
    asks: bool,
    order: &dyn Order,
) -> anyhow::Result<Executed> {
    let by = identity::signature(cluster)
        .await
        .map_err(|cause| error::explain(cluster, &cause))?;
    let mut started = cluster.clock().now();
    let mut tasks = plan_all(cluster, records, &by, started, order).await;
    let mut asked = None;
    if asks && args.dry_run == DryRun::None {
        asked = confirm::ask(cluster, order, &tasks, args.yes).await?;
    }
    let answered = asked.is_some();
    if answered {
        // The answer may have taken a while.
        started = cluster.clock().now();
    }
    let mut interrupts = asked.take().map_or_else(Interrupts::listen, Ok)?;
    let written = RefCell::new(Vec::new());
    let work = async {
        let mut outcomes = before;
        if answered {
            let lost;
            (tasks, lost) = plan_again(cluster, tasks, &by, started, order).await;
            outcomes.extend(lost);
        }
        if args.dry_run == DryRun::None {
            written.replace(changed_by(&tasks));
        }
        outcomes.extend(write_all(cluster, tasks, args.dry_run, &by, started, order).await);
        read_back::read_back(cluster, &mut outcomes, order).await;
        outcomes
    };
    let outcomes = tokio::select! {
        outcomes = work => outcomes,
        interrupted = interrupts.next(), if !order.ends_on_signals() => {
            return Err(write::in_doubt(cluster, &written.borrow(), interrupted.problem()).into());
        }
    };
    let exit = tell(cluster, order, &outcomes, args.output);
    let groups = outcomes
        .into_iter()
        .filter(ChangeOutcome::is_so)
        .map(|outcome| outcome.id)
        .collect();
    let interrupts = order.ends_on_signals().then_some(interrupts);
    Ok(Executed {
        exit,
        started,
        by,
        groups,
        interrupts,
    })
}

/// Carries out an order that follows from another one, on its groups as they are now, without a question.
pub async fn carry_on(
    cluster: &Clusters,
    records: &[Record],
    by: &str,
    order: &dyn Order,
) -> Vec<ChangeOutcome> {
    let started = cluster.clock().now();
    let (records, mut outcomes) = read_all_again(cluster, records, order).await;
    let mut looks = 1;
    let mut tasks = plan_all(cluster, records, by, started, order).await;
    while looks < MOST_LOOKS && tasks.iter().any(|task| task.seen.misses_readiness()) {
        sleep(BETWEEN_LOOKS).await;
        looks += 1;
        let records = tasks.into_iter().map(|task| task.record).collect();
        tasks = plan_all(cluster, records, by, started, order).await;
    }
    outcomes.extend(write_all(cluster, tasks, DryRun::None, by, started, order).await);
    read_back::read_back(cluster, &mut outcomes, order).await;
    outcomes
}

/// Tells what has become of the groups, and gives how the command ends.
///
/// # Errors
/// Where that can't be written.
pub fn tell(
    cluster: &Cluster,
    order: &dyn Order,
    outcomes: &[ChangeOutcome],
    format: StreamFormat,
) -> anyhow::Result<Exit> {
    let exit = exit(outcomes, order);
    report::tell(cluster, order, outcomes, exit, format)?;
    Ok(exit)
}

/// A group, what is known of it, and what is to be done with it.
pub struct PlannedChange {
    pub record: Record,
    pub seen: Preflight,
    pub plan: Result<ChangePlan, Refusal>,
    /// The orders on it that who was asked has seen.
    shown: Option<Precondition>,
}

async fn plan_all(
    cluster: &Clusters,
    records: Vec<Record>,
    by: &str,
    started: Timestamp,
    order: &dyn Order,
) -> Vec<PlannedChange> {
    let seen = look(cluster, &records, by, started, PreflightReads::of(order)).await;
    let task = |(record, seen): (Record, Preflight)| PlannedChange {
        plan: order.plan(&seen),
        record,
        seen,
        shown: None,
    };
    records.into_iter().zip(seen).map(task).collect()
}

/// The groups as they are now, and what has become of those that can't be read any more.
async fn read_all_again(
    cluster: &Cluster,
    records: &[Record],
    order: &dyn Order,
) -> (Vec<Record>, Vec<ChangeOutcome>) {
    let reads = records.iter().map(|record| async move {
        let mut tries = write::WriteRetries::within(order.perseverance());
        let found = write::read_again(cluster, record, &mut tries).await;
        found.map_err(|fate| ChangeOutcome::of(record, fate))
    });
    let found: Vec<Result<Record, ChangeOutcome>> =
        stream::iter(reads).buffered(AT_ONCE).collect().await;
    let (mut records, mut lost) = (Vec::new(), Vec::new());
    for found in found {
        match found {
            Ok(record) => records.push(record),
            Err(outcome) => lost.push(outcome),
        }
    }
    (records, lost)
}

/// Plans on the groups as they are after the question; gives what has become of those that can't be read any more, too.
async fn plan_again(
    cluster: &Clusters,
    tasks: Vec<PlannedChange>,
    by: &str,
    started: Timestamp,
    order: &dyn Order,
) -> (Vec<PlannedChange>, Vec<ChangeOutcome>) {
    let before: Vec<Record> = tasks.into_iter().map(|task| task.record).collect();
    let (records, lost) = read_all_again(cluster, &before, order).await;
    let mut tasks = plan_all(cluster, records, by, started, order).await;
    for task in &mut tasks {
        let seen = before.iter().find(|record| record.id() == task.record.id());
        let Some(shown) = seen.map(Precondition::of) else {
            continue;
        };
        if let (Ok(ChangePlan::Change { .. }), Err(refusal)) =
            (&task.plan, shown.refuse_changed(cluster, &task.record))
        {
            task.plan = Err(refusal);
        }
        task.shown = Some(shown);
    }
    (tasks, lost)
}

/// The groups that are about to be changed.
fn changed_by(tasks: &[PlannedChange]) -> Vec<GroupId> {
    let is_change = |task: &&PlannedChange| matches!(task.plan, Ok(ChangePlan::Change { .. }));
    tasks
        .iter()
        .filter(is_change)
        .map(|task| task.record.id())
        .collect()
}

/// What has become of every group.
async fn write_all(
    cluster: &Clusters,
    tasks: Vec<PlannedChange>,
    dry_run: DryRun,
    by: &str,
    started: Timestamp,
    order: &dyn Order,
) -> Vec<ChangeOutcome> {
    let writes = tasks.into_iter().map(
        |PlannedChange {
             record,
             plan,
             shown,
             ..
         }| async move {
            let id = record.id();
            let fate = match plan {
                Err(refusal) if refusal.may_pass && order.ran_out_of_time() => {
                    ChangeResult::NotMet(refusal)
                }
                Err(refusal) => ChangeResult::Refused(refusal),
                Ok(ChangePlan::Unchanged(words)) => ChangeResult::Unchanged(words),
                Ok(ChangePlan::Change { words, .. }) if dry_run == DryRun::Client => {
                    ChangeResult::WouldChange(words)
                }
                Ok(ChangePlan::Change { change, words }) => {
                    let signed = write::WriteContext {
                        by,
                        started,
                        trial: dry_run == DryRun::Server,
                        shown: shown.as_ref(),
                    };
                    write::until_done(cluster, record, *change, words, signed, order).await
                }
            };
            ChangeOutcome {
                id,
                fate,
                now: None,
            }
        },
    );
    stream::iter(writes)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// All well: 0, unless a group is not as asked, or was not ready, in time: 3. All refused: 4. Anything else that did
/// not work: 1.
fn exit(outcomes: &[ChangeOutcome], order: &dyn Order) -> Exit {
    let is_bad = |outcome: &&ChangeOutcome| {
        matches!(
            outcome.fate,
            ChangeResult::Refused(_) | ChangeResult::Failed(_) | ChangeResult::Gone(_)
        )
    };
    let bad = outcomes.iter().filter(is_bad);
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome.fate, ChangeResult::Refused(_)))
        .count();
    let late = outcomes
        .iter()
        .any(|outcome| matches!(outcome.fate, ChangeResult::NotMet(_)));
    match bad.count() {
        0 if late => Exit::NotMet,
        0 if order.patience().is_some() && !read_back::all_met(outcomes, order) => Exit::NotMet,
        0 => Exit::Done,
        bad if bad == refused && refused == outcomes.len() => Exit::Refused,
        _ => Exit::Failed,
    }
}
