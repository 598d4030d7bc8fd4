//! From the groups that were chosen to what has become of them: plans, the question, the writes, and what is true
//! afterwards.

use std::cell::RefCell;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::sleep;

use super::order::{Fate, Looks, Order, Outcome, Plan, Refusal, Seen, look};
use super::precondition::Shown;
use super::{confirm, read_back, report, write};
use crate::cli::{ChangeArgs, DryRun, StreamFormat};
use crate::cluster::Cluster;
use crate::cluster::api::identity;
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
pub struct Done {
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
    cluster: &Cluster,
    records: Vec<Record>,
    args: &ChangeArgs,
    asks: bool,
    order: &dyn Order,
) -> anyhow::Result<Done> {
    carry_out_beside(cluster, records, Vec::new(), args, asks, order).await
}

/// The same, telling of groups that it has come to an end with before, too.
pub async fn carry_out_beside(
    cluster: &Cluster,
    records: Vec<Record>,
    before: Vec<Outcome>,
    args: &ChangeArgs,
    asks: bool,
    order: &dyn Order,
) -> anyhow::Result<Done> {
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
        .filter(Outcome::is_so)
        .map(|outcome| outcome.id)
        .collect();
    let interrupts = order.ends_on_signals().then_some(interrupts);
    Ok(Done {
        exit,
        started,
        by,
        groups,
        interrupts,
    })
}

/// Carries out an order that follows from another one, on its groups as they are now, without a question.
pub async fn carry_on(
    cluster: &Cluster,
    records: &[Record],
    by: &str,
    order: &dyn Order,
) -> Vec<Outcome> {
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
    outcomes: &[Outcome],
    format: StreamFormat,
) -> anyhow::Result<Exit> {
    let exit = exit(outcomes, order);
    report::tell(cluster, order, outcomes, exit, format)?;
    Ok(exit)
}

/// A group, what is known of it, and what is to be done with it.
pub struct Task {
    pub record: Record,
    pub seen: Seen,
    pub plan: Result<Plan, Refusal>,
    /// The orders on it that who was asked has seen.
    shown: Option<Shown>,
}

async fn plan_all(
    cluster: &Cluster,
    records: Vec<Record>,
    by: &str,
    started: Timestamp,
    order: &dyn Order,
) -> Vec<Task> {
    let seen = look(cluster, &records, by, started, Looks::of(order)).await;
    let task = |(record, seen): (Record, Seen)| Task {
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
) -> (Vec<Record>, Vec<Outcome>) {
    let reads = records.iter().map(|record| async move {
        let mut tries = write::Tries::within(order.perseverance());
        let found = write::read_again(cluster, record, &mut tries).await;
        found.map_err(|fate| Outcome::of(record, fate))
    });
    let found: Vec<Result<Record, Outcome>> = stream::iter(reads).buffered(AT_ONCE).collect().await;
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
    cluster: &Cluster,
    tasks: Vec<Task>,
    by: &str,
    started: Timestamp,
    order: &dyn Order,
) -> (Vec<Task>, Vec<Outcome>) {
    let before: Vec<Record> = tasks.into_iter().map(|task| task.record).collect();
    let (records, lost) = read_all_again(cluster, &before, order).await;
    let mut tasks = plan_all(cluster, records, by, started, order).await;
    for task in &mut tasks {
        let seen = before.iter().find(|record| record.id() == task.record.id());
        let Some(shown) = seen.map(Shown::of) else {
            continue;
        };
        if let (Ok(Plan::Change { .. }), Err(refusal)) =
            (&task.plan, shown.refuse_changed(cluster, &task.record))
        {
            task.plan = Err(refusal);
        }
        task.shown = Some(shown);
    }
    (tasks, lost)
}

/// The groups that are about to be changed.
fn changed_by(tasks: &[Task]) -> Vec<GroupId> {
    let is_change = |task: &&Task| matches!(task.plan, Ok(Plan::Change { .. }));
    tasks
        .iter()
        .filter(is_change)
        .map(|task| task.record.id())
        .collect()
}

/// What has become of every group.
async fn write_all(
    cluster: &Cluster,
    tasks: Vec<Task>,
    dry_run: DryRun,
    by: &str,
    started: Timestamp,
    order: &dyn Order,
) -> Vec<Outcome> {
    let writes = tasks.into_iter().map(
        |Task {
             record,
             plan,
             shown,
             ..
         }| async move {
            let id = record.id();
            let fate = match plan {
                Err(refusal) if refusal.may_pass && order.ran_out_of_time() => {
                    Fate::NotMet(refusal)
                }
                Err(refusal) => Fate::Refused(refusal),
                Ok(Plan::Unchanged(words)) => Fate::Unchanged(words),
                Ok(Plan::Change { words, .. }) if dry_run == DryRun::Client => {
                    Fate::WouldChange(words)
                }
                Ok(Plan::Change { change, words }) => {
                    let signed = write::Signed {
                        by,
                        started,
                        trial: dry_run == DryRun::Server,
                        shown: shown.as_ref(),
                    };
                    write::until_done(cluster, record, *change, words, signed, order).await
                }
            };
            Outcome {
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
fn exit(outcomes: &[Outcome], order: &dyn Order) -> Exit {
    let is_bad = |outcome: &&Outcome| {
        matches!(
            outcome.fate,
            Fate::Refused(_) | Fate::Failed(_) | Fate::Gone(_)
        )
    };
    let bad = outcomes.iter().filter(is_bad);
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome.fate, Fate::Refused(_)))
        .count();
    let late = outcomes
        .iter()
        .any(|outcome| matches!(outcome.fate, Fate::NotMet(_)));
    match bad.count() {
        0 if late => Exit::NotMet,
        0 if order.patience().is_some() && !read_back::all_met(outcomes, order) => Exit::NotMet,
        0 => Exit::Done,
        bad if bad == refused && refused == outcomes.len() => Exit::Refused,
        _ => Exit::Failed,
    }
}
