//! What the commands that change groups by hand share: which groups, what is refused, the question, the writes,
//! what is true afterwards.

mod confirm;
mod report;
mod seen;
mod write;

use futures::{StreamExt as _, stream};

use super::{scope, selection};
use crate::cli::{ChangeArgs, Danger, DryRun, GlobalArgs, GroupsArgs};
use crate::cluster::{Cluster, groups, identity, survey};
use crate::error::{self, Exit, Problem};
use crate::model::{GroupId, Status};
use crate::resource::{Change, KINDS, Record};
use crate::view::text::clean;

pub use seen::{Seen, look};

/// How many groups are written at once.
const AT_ONCE: usize = 16;

/// What a command does to one group.
pub trait Order: Sync {
    /// The command's name, and what it does in words: `move by hand`.
    fn name(&self) -> &'static str;

    /// What is to change on this group.
    ///
    /// # Errors
    /// Where it is refused.
    fn plan(&self, seen: &Seen) -> Result<Plan, Refusal>;

    /// What is to be said once it is done, of a group as it is then.
    fn after(&self, _status: &Status) -> Option<String> {
        None
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
    pub reason: String,
    pub next: String,
}

impl Refusal {
    /// What can't happen: notes are plain text and numbers.
    pub fn unwritable() -> Self {
        Self { danger: None, reason: "the notes cannot be written as JSON".to_owned(), next: String::new() }
    }

    /// Whether it may be otherwise once endpoints have changed.
    pub fn may_pass(&self) -> bool {
        matches!(self.danger, Some(Danger::Unready | Danger::Unknown))
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
    Failed(Problem),
}

/// Carries out an order on the groups that are meant.
pub async fn run(
    flags: &GlobalArgs,
    groups: &GroupsArgs,
    args: &ChangeArgs,
    asks: bool,
    order: &dyn Order,
) -> anyhow::Result<Exit> {
    let cluster = Cluster::connect(flags).await?;
    let records = chosen(&cluster, flags, groups, order).await?;
    carry_out(&cluster, records, args, asks, order).await
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
            .next(format!("name it: kubectl failover {} NAME", order.name()))
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
        selection::say_none(cluster, namespace.as_deref(), selector);
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
) -> anyhow::Result<Exit> {
    let by = identity::signature(cluster).await.map_err(|cause| error::explain(cluster, &cause))?;
    let seen = look(cluster, &records, &by, order.fears_conflicts()).await;
    let plans: Vec<(Record, Result<Plan, Refusal>)> =
        records.into_iter().zip(&seen).map(|(record, seen)| (record, order.plan(seen))).collect();
    if asks && args.dry_run == DryRun::None {
        confirm::ask(cluster, order, &plans, args.yes)?;
    }
    let writes = plans.into_iter().map(|(record, plan)| async {
        let id = record.id();
        let fate = match plan {
            Err(refusal) => Fate::Refused(refusal),
            Ok(Plan::Unchanged(words)) => Fate::Unchanged(words),
            Ok(Plan::Change { words, .. }) if args.dry_run == DryRun::Client => Fate::WouldChange(words),
            Ok(Plan::Change { change, words }) => {
                let trial = args.dry_run == DryRun::Server;
                write::until_done(cluster, record, *change, words, &by, trial, order).await
            }
        };
        Outcome { id, fate, now: None }
    });
    let mut outcomes: Vec<Outcome> = stream::iter(writes).buffer_unordered(AT_ONCE).collect().await;
    read_back(cluster, &mut outcomes).await;
    outcomes.sort_by(|a, b| a.id.cmp(&b.id));
    let exit = exit(&outcomes);
    report::tell(cluster, order, &outcomes, exit, args.output)?;
    Ok(exit)
}

/// Looks at what was changed: what is true now, not what was asked.
async fn read_back(cluster: &Cluster, outcomes: &mut [Outcome]) {
    let changed = outcomes.iter_mut().filter(|outcome| matches!(outcome.fate, Fate::Changed(_)));
    let reads = changed.map(|outcome| async {
        let kind = KINDS.iter().find(|kind| kind.info().singular == outcome.id.kind);
        let Some(kind) = kind else { return };
        let GroupId { namespace, name, .. } = &outcome.id;
        // Where it can't be read, what the write answered has to do.
        let Ok(Some(record)) = groups::get(cluster, *kind, namespace, name).await else { return };
        outcome.now = survey::survey(cluster, &[record], &[]).await.pop();
    });
    stream::iter(reads).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// All well: 0. All refused: 4. Anything else that did not work: 1.
fn exit(outcomes: &[Outcome]) -> Exit {
    let bad = outcomes.iter().filter(|outcome| matches!(outcome.fate, Fate::Refused(_) | Fate::Failed(_)));
    let refused = outcomes.iter().filter(|outcome| matches!(outcome.fate, Fate::Refused(_))).count();
    match bad.count() {
        0 => Exit::Done,
        bad if bad == refused && refused == outcomes.len() => Exit::Refused,
        _ => Exit::Failed,
    }
}
