//! What the commands that change groups by hand share: which groups, what is refused, the question, the writes,
//! what is true afterwards.

use std::time::Duration;

use jiff::Timestamp;

use crate::cli::{ChangeArgs, Danger, GlobalArgs, GroupsArgs};
use crate::cluster::{Cluster, Clusters};
use crate::commands::args::selection;
use crate::commands::scope;
use crate::model::{Group, GroupId, Status};
use crate::problem::{Exit, Problem};
use crate::resource::{Change, GroupName, Record};
use crate::text::nearest::nearest;
use crate::text::{clean, word};

pub use super::execute::{carry_on, carry_out, carry_out_beside, tell};
pub use super::precondition::{paused, target};
pub use super::preflight::{Preflight, PreflightReads, look};
pub use super::read_back::not_there;
pub use super::write::{gone, may_do_better};

/// How long `--wait` waits for the traffic where no flag says so.
pub const PATIENCE: Duration = Duration::from_secs(30);

const PERSEVERANCE: Duration = Duration::from_secs(20);

/// What a command does to one group.
pub trait Order: Sync {
    /// The command's name, and what it does in words: `move by hand`.
    fn name(&self) -> &'static str;

    /// What is to change on this group.
    ///
    /// # Errors
    /// Where it is refused.
    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal>;

    /// What who is asked should know of it, beside where the traffic goes: until when, why, and what it replaces.
    fn terms(&self, _seen: &Preflight) -> Vec<String> {
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

    /// How long a write is tried against others that write the same object, and against a server in trouble.
    fn perseverance(&self) -> Duration {
        PERSEVERANCE
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
pub enum ChangePlan {
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
    /// Of a group that has no backend of this name.
    pub fn no_backend(group: &Group, typed: &str, flag: &str) -> Self {
        let names: Vec<&str> = group
            .backends
            .iter()
            .map(|backend| backend.name.as_str())
            .collect();
        let meant = nearest(typed, names.iter().copied());
        let meant = meant
            .map(|name| format!("did you mean {name}? "))
            .unwrap_or_default();
        Self {
            danger: None,
            may_pass: false,
            reason: format!("{typed} is not a backend of this group"),
            next: format!("{meant}name a backend with {flag}: {}", names.join(", ")),
        }
    }

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
pub struct ChangeOutcome {
    pub id: GroupId,
    pub fate: ChangeResult,
    /// The group as it is afterwards, where it is as ordered; or why that can't be read.
    pub now: Option<Result<Status, Problem>>,
}

impl ChangeOutcome {
    pub fn of(record: &Record, fate: ChangeResult) -> Self {
        Self {
            id: record.id(),
            fate,
            now: None,
        }
    }

    /// Whether the group is as ordered.
    pub fn is_so(&self) -> bool {
        matches!(
            self.fate,
            ChangeResult::Changed(_) | ChangeResult::Unchanged(_)
        )
    }
}

#[derive(Debug)]
pub enum ChangeResult {
    Changed(String),
    WouldChange(String),
    Unchanged(String),
    Refused(Refusal),
    /// What was waited for did not come in time.
    NotMet(Refusal),
    Failed(Problem),
    /// There is no such group any more.
    Gone(Problem),
}

/// When something ends that lasts from `started` on; none where that is beyond any calendar.
pub fn end(started: Timestamp, duration: Duration) -> Option<Timestamp> {
    started
        .checked_add(duration)
        .ok()?
        .round(jiff::Unit::Second)
        .ok()
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
    cluster: &Clusters,
    flags: &GlobalArgs,
    groups: &GroupsArgs,
    args: &ChangeArgs,
    asks: bool,
    order: &dyn Order,
) -> anyhow::Result<Exit> {
    let records = chosen(cluster, flags, groups, order).await?;
    carry_out(cluster, records, args, asks, order).await?.exit
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
            .next(format!(
                "name it: kubectl failover {} NAME {}",
                order.name(),
                cluster.reach.scoped(scope(flags, cluster).as_deref())
            ))
            .next("or choose by labels with -l, or all groups with --all")
            .into());
    }
    let namespace = scope(flags, cluster);
    let selector = groups.selector.as_deref();
    let chosen = selection::choose(
        cluster,
        namespace.as_deref(),
        selector,
        &groups.names,
        false,
    )
    .await?;
    if let Some((name, groups)) = &chosen.ambiguous {
        return Err(ambiguous(name, groups).into());
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

/// A name that means several groups: nothing is changed by guessing.
fn ambiguous(name: &str, groups: &[GroupId]) -> Problem {
    let typed = |group: &GroupId| {
        format!(
            "{} -n {}",
            word(&GroupName::of(group).to_string()),
            word(&group.namespace)
        )
    };
    let groups: Vec<String> = groups.iter().map(typed).collect();
    Problem::usage(format!(
        "{} means several groups: {}",
        clean(name),
        groups.join(", ")
    ))
    .next("nothing was changed")
    .next("name one of those, or choose by labels with -l")
}
