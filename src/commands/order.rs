//! What the commands that change groups by hand share: which groups, what is refused, the question, the writes,
//! what is true afterwards.

mod afterwards;
mod confirm;
mod report;
mod seen;
mod shown;
mod write;

use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{scope, selection};
use crate::cli::{ChangeArgs, Danger, DryRun, GlobalArgs, GroupsArgs};
use crate::cluster::{Cluster, groups, identity};
use crate::error::{self, Exit, Problem};
use crate::model::{GroupId, Status};
use crate::resource::{Change, Record};
use crate::sandbox::interrupt::Interrupts;
use crate::view::text::clean;

pub use afterwards::not_there;
pub use seen::{Looks, Seen, look};
pub use shown::{paused, target};

use shown::Shown;

/// How many groups are written at once.
const AT_ONCE: usize = 16;

/// How long `--wait` waits for the traffic where no flag says so.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a command does to one group.
pub trait Order: Sync {
    /// The command's name, and what it does in words: `move by hand`.
    fn name(&self) -> &'static str;

    /// What is to change on this group.
    ///
    /// # Errors
    /// Where it is refused.
    fn plan(&self, seen: &Seen) -> Result<Plan, Refusal>;

    /// What who is asked should know of it, beside where the traffic goes: until when, why, and what it replaces.
    fn terms(&self, _seen: &Seen) -> Vec<String> {
        Vec::new()
    }

    /// What is to be said once it is done, of a group as it is then; `place` is what a command line needs to reach it.
    fn after(&self, _status: &Status, _place: &str) -> Vec<String> {
        Vec::new()
    }

    /// How long to wait until every group is as asked; none: what is true at once is what is told.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// Whether a group is as asked.
    fn is_met(&self, _status: &Status) -> bool {
        true
    }

    /// Whether what may pass has been waited for in vain.
    fn ran_out_of_time(&self) -> bool {
        false
    }

    /// Whether the whole object is needed to plan.
    fn needs_objects(&self) -> bool {
        false
    }

    /// Whether what it does is to be ended by a signal: then none may be missed from the first write on.
    fn ends_on_signals(&self) -> bool {
        false
    }

    /// Whether what could make the change have no effect is to be looked for.
    fn fears_conflicts(&self) -> bool {
        false
    }
}

/// What is to change on one group.
#[derive(Debug)]
pub enum Plan {
    Unchanged(String),
    Change {
        change: Box<Change>,
        /// What it does, in words.
        words: String,
    },
}

/// Why a group is not changed.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// What to name in `--allow` to go on all the same; none where that can't be.
    pub danger: Option<Danger>,
    /// Whether it may be otherwise once endpoints have changed.
    pub may_pass: bool,
    pub reason: String,
    pub next: String,
}

impl Refusal {
    /// What can't happen: notes are plain text and numbers.
    pub fn unwritable() -> Self {
        Self {
            danger: None,
            may_pass: false,
            reason: "the notes cannot be written as JSON".to_owned(),
            next: String::new(),
        }
    }
}

/// What has become of one group.
#[derive(Debug)]
pub struct Outcome {
    pub id: GroupId,
    pub fate: Fate,
    /// The group as it is afterwards, where it was changed.
    pub now: Option<Status>,
}

#[derive(Debug)]
pub enum Fate {
    Changed(String),
    WouldChange(String),
    Unchanged(String),
    Refused(Refusal),
    /// What was waited for did not come in time.
    NotMet(Refusal),
    Failed(Problem),
}

/// An order that has been carried out.
#[derive(Debug)]
pub struct Done {
    pub exit: Exit,
    /// From when on what it does is to last.
    pub started: Timestamp,
    /// The groups that are as it says.
    pub groups: Vec<GroupId>,
    /// Signals from before the first write on, where they are to end it.
    pub interrupts: Option<Interrupts>,
}

/// When something ends that lasts from `started` on; none where that is beyond any calendar.
pub fn end(started: Timestamp, duration: Duration) -> Option<Timestamp> {
    started.checked_add(duration).ok()?.round(jiff::Unit::Second).ok()
}

/// # Errors
/// A usage error where a duration is too long to be written down.
pub fn check_duration(cluster: &Cluster, duration: Option<Duration>) -> Result<(), Problem> {
    match duration.map(|duration| end(cluster.clock().now(), duration)) {
        Some(None) => Err(Problem::usage("--duration is too long")),
        _ => Ok(()),
    }
}

/// Carries out an order on the groups that are meant.
pub async fn run(
    cluster: &Cluster,
    flags: &GlobalArgs,
    groups: &GroupsArgs,
    args: &ChangeArgs,
    asks: bool,
    order: &dyn Order,
) -> anyhow::Result<Exit> {
    let records = chosen(cluster, flags, groups, order).await?;
    Ok(carry_out(cluster, records, args, asks, order).await?.exit)
}

/// The groups that the arguments mean: none by chance, all only where that is said.
pub async fn chosen(
    cluster: &Cluster,
    flags: &GlobalArgs,
    groups: &GroupsArgs,
    order: &dyn Order,
) -> anyhow::Result<Vec<Record>> {
    if groups.names.is_empty() && groups.selector.is_none() && !groups.all {
        return Err(Problem::usage(format!("{} of which group?", order.name()))
            .next(format!("name it: kubectl failover {} NAME {}", order.name(), cluster.reach.all()))
            .next("or choose by labels with -l, or all groups with --all")
            .into());
    }
    let namespace = scope(flags, cluster);
    let selector = groups.selector.as_deref();
    let chosen = selection::choose(cluster, namespace.as_deref(), selector, &groups.names).await?;
    if !groups.names.is_empty() && chosen.records.len() > groups.names.len() {
        return Err(ambiguous(&groups.names, &chosen.records).into());
    }
    if chosen.records.is_empty() {
        if selector.is_none() {
            selection::say_none(cluster, namespace.as_deref(), selector).await;
            return Ok(Vec::new());
        }
        // Labels that nothing has are more likely a slip than a wish.
        let nothing = selection::none(cluster, namespace.as_deref(), selector).await;
        return Err(Problem::new(format!("nothing was selected: {nothing}"))
            .next("nothing was changed")
            .into());
    }
    Ok(chosen.records)
}

/// Names that mean more groups than there are names: nothing is changed by guessing.
fn ambiguous(names: &[String], records: &[Record]) -> Problem {
    let groups: Vec<String> = records.iter().map(|record| clean(&record.id().to_string())).collect();
    Problem::usage(format!("{} means several groups: {}", clean(&names.join(" ")), groups.join(", ")))
        .next("nothing was changed")
        .next("name each by its object, and its namespace with -n; or choose by labels with -l")
}

/// Plans for every group, asks once, writes, and tells what is true afterwards.
pub async fn carry_out(
    cluster: &Cluster,
    records: Vec<Record>,
    args: &ChangeArgs,
    asks: bool,
    order: &dyn Order,
) -> anyhow::Result<Done> {
    let by = identity::signature(cluster).await.map_err(|cause| error::explain(cluster, &cause))?;
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
    let interrupts = order.ends_on_signals().then(Interrupts::listen).transpose()?;
    let work = async {
        let mut outcomes = Vec::new();
        if answered {
            (tasks, outcomes) = plan_again(cluster, tasks, &by, started, order).await;
        }
        outcomes.extend(write_all(cluster, tasks, args.dry_run, &by, started, order).await);
        outcomes.sort_by(|a, b| a.id.cmp(&b.id));
        afterwards::read_back(cluster, &mut outcomes, order).await;
        Ok(outcomes)
    };
    let outcomes = match asked.filter(|_| interrupts.is_none()) {
        Some(mut signals) => signals.or(work).await?,
        None => work.await?,
    };
    let exit = exit(&outcomes, order);
    report::tell(cluster, order, &outcomes, exit, args.output)?;
    let is_so = |outcome: &Outcome| matches!(outcome.fate, Fate::Changed(_) | Fate::Unchanged(_));
    let groups = outcomes.into_iter().filter(is_so).map(|outcome| outcome.id).collect();
    Ok(Done { exit, started, groups, interrupts })
}

/// A group, what is known of it, and what is to be done with it.
struct Task {
    record: Record,
    seen: Seen,
    plan: Result<Plan, Refusal>,
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
    let task = |(record, seen): (Record, Seen)| Task { plan: order.plan(&seen), record, seen, shown: None };
    records.into_iter().zip(seen).map(task).collect()
}

/// Plans on the groups as they are after the question; gives what has become of those that can't be read any more, too.
async fn plan_again(
    cluster: &Cluster,
    tasks: Vec<Task>,
    by: &str,
    started: Timestamp,
    order: &dyn Order,
) -> (Vec<Task>, Vec<Outcome>) {
    let reads = tasks.iter().map(|Task { record, .. }| async move {
        let found = groups::get(cluster, record.kind, &record.meta.namespace, &record.meta.name).await;
        write::still_there(cluster, record, found)
    });
    let found: Vec<Result<Record, Problem>> = stream::iter(reads).buffered(AT_ONCE).collect().await;
    let (mut records, mut shown, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    for (task, found) in tasks.into_iter().zip(found) {
        match found {
            Ok(record) => {
                records.push(record);
                shown.push(Shown::of(&task.record));
            }
            Err(problem) => {
                lost.push(Outcome { id: task.record.id(), fate: Fate::Failed(problem), now: None });
            }
        }
    }
    let mut tasks = plan_all(cluster, records, by, started, order).await;
    for (task, shown) in tasks.iter_mut().zip(shown) {
        if let (Ok(Plan::Change { .. }), Err(refusal)) =
            (&task.plan, shown.refuse_changed(cluster, &task.record))
        {
            task.plan = Err(refusal);
        }
        task.shown = Some(shown);
    }
    (tasks, lost)
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
    let writes = tasks.into_iter().map(|Task { record, plan, shown, .. }| async move {
        let id = record.id();
        let fate = match plan {
            Err(refusal) if refusal.may_pass && order.ran_out_of_time() => Fate::NotMet(refusal),
            Err(refusal) => Fate::Refused(refusal),
            Ok(Plan::Unchanged(words)) => Fate::Unchanged(words),
            Ok(Plan::Change { words, .. }) if dry_run == DryRun::Client => Fate::WouldChange(words),
            Ok(Plan::Change { change, words }) => {
                let signed =
                    write::Signed { by, started, trial: dry_run == DryRun::Server, shown: shown.as_ref() };
                write::until_done(cluster, record, *change, words, signed, order).await
            }
        };
        Outcome { id, fate, now: None }
    });
    stream::iter(writes).buffer_unordered(AT_ONCE).collect().await
}

/// All well: 0, unless a group is not as asked, or was not ready, in time: 3. All refused: 4. Anything else that did
/// not work: 1.
fn exit(outcomes: &[Outcome], order: &dyn Order) -> Exit {
    let bad = outcomes.iter().filter(|outcome| matches!(outcome.fate, Fate::Refused(_) | Fate::Failed(_)));
    let refused = outcomes.iter().filter(|outcome| matches!(outcome.fate, Fate::Refused(_))).count();
    let late = outcomes.iter().any(|outcome| matches!(outcome.fate, Fate::NotMet(_)));
    match bad.count() {
        0 if late => Exit::NotMet,
        0 if order.patience().is_some() && !afterwards::all_met(outcomes, order) => Exit::NotMet,
        0 => Exit::Done,
        bad if bad == refused && refused == outcomes.len() => Exit::Refused,
        _ => Exit::Failed,
    }
}
