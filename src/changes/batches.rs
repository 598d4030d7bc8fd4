//! Carries out orders on the groups of several clusters in batches: writes a batch, reads the groups
//! back, and stops when one that was moved is worse off, or on a signal. A group is written whole or
//! not at all.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::{OptionFuture, join, join_all};
use futures::{StreamExt as _, stream};
use tokio::time::{Instant, sleep, sleep_until};

use super::execute::write_one;
use super::order::{ChangeOutcome, ChangePlan, ChangeResult};
use super::plan::PlannedChange;
use super::preflight::MAX_CONCURRENT_WRITES;
use super::read_back::read_back;
use super::write::OrderContext;
use crate::cli::DryRun;
use crate::model::GroupId;
use crate::model::evacuation::{is_served, worse};
use crate::output::progress::Progress;
use crate::process::signals::{Interrupted, Interrupts};
use crate::text::clean;

/// How often to read the groups back between batches.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait for answers in silence.
const SILENT_WAIT: Duration = Duration::from_secs(10);

/// A group to change, with the index of its cluster.
pub struct BatchItem {
    pub context: usize,
    pub planned: PlannedChange,
}

/// How to carry out the orders.
pub struct Batches<'a> {
    /// The order of each cluster.
    pub contexts: &'a [OrderContext<'a>],
    /// The number of groups that are moved at a time; none for all.
    pub size: Option<usize>,
    /// How long to watch the groups between batches.
    pub pause: Duration,
    pub dry_run: DryRun,
    pub progress: &'a Progress,
}

/// Why not all groups were changed.
#[derive(Debug)]
pub enum Stop {
    Interrupted(Interrupted),
    /// These groups are worse off after they were moved.
    Worse(Vec<WorseGroup>),
}

/// A group that is worse off after it was moved.
#[derive(Debug, Clone)]
pub struct WorseGroup {
    pub context: usize,
    pub id: GroupId,
    /// How, as a clause.
    pub why: String,
}

/// What was done.
pub struct BatchResult {
    /// The outcomes of each cluster.
    pub outcomes: Vec<Vec<ChangeOutcome>>,
    /// The groups that were not changed before the stop.
    pub left: Vec<(usize, GroupId)>,
    pub stop: Option<Stop>,
}

/// The work between two groups, which a signal may end.
struct Run<'a> {
    how: &'a Batches<'a>,
    outcomes: Vec<Vec<ChangeOutcome>>,
    /// The groups that were moved, and whether they were served before.
    moved: BTreeMap<(usize, GroupId), bool>,
    left: Vec<(usize, GroupId)>,
    /// The clusters whose API servers no longer answer.
    unreachable: BTreeSet<usize>,
    interrupted: Cell<Option<Interrupted>>,
}

impl Batches<'_> {
    /// First changes the groups whose traffic does not move, so that nothing moves there meanwhile.
    ///
    /// # Errors
    /// The signal, if a second one arrives while groups are written.
    pub async fn run(
        &self,
        items: Vec<BatchItem>,
        interrupts: &mut Interrupts,
    ) -> Result<BatchResult, Interrupted> {
        let mut run = Run {
            how: self,
            outcomes: self.contexts.iter().map(|_| Vec::new()).collect(),
            moved: BTreeMap::new(),
            left: Vec::new(),
            unreachable: BTreeSet::new(),
            interrupted: Cell::new(None),
        };
        let stop = run.all(items, interrupts).await?;
        let Run { outcomes, left, .. } = run;
        Ok(BatchResult {
            outcomes,
            left,
            stop,
        })
    }
}

impl Run<'_> {
    async fn all(
        &mut self,
        items: Vec<BatchItem>,
        interrupts: &mut Interrupts,
    ) -> Result<Option<Stop>, Interrupted> {
        let (moving, quiet): (Vec<_>, Vec<_>) = items.into_iter().partition(BatchItem::moves);
        let total = moving.len();
        let size = self.how.size.unwrap_or(total).max(1);
        self.write(quiet, interrupts).await?;
        let mut rest = self.reachable(moving);
        while !rest.is_empty() && self.interrupted.get().is_none() {
            let next = rest.split_off(size.min(rest.len()));
            self.write(rest, interrupts).await?;
            rest = self.reachable(next);
            if self.how.dry_run != DryRun::None || rest.is_empty() {
                continue;
            }
            let done = self.count_moved();
            let beside = format!("groups, {done} moved");
            let line = format!("{done} of {total} moved");
            self.how.progress.step(&beside, &line);
            let worse = self.watch(interrupts).await?;
            if !worse.is_empty() {
                self.leave(rest);
                return Ok(Some(Stop::Worse(worse)));
            }
        }
        self.leave(rest);
        let worse = self.look(interrupts).await?;
        Ok(match self.interrupted.get() {
            Some(interrupted) => Some(Stop::Interrupted(interrupted)),
            None => (!worse.is_empty()).then_some(Stop::Worse(worse)),
        })
    }

    fn count_moved(&self) -> usize {
        let outcomes = self.outcomes.iter().enumerate();
        let outcomes = outcomes.flat_map(|(context, all)| all.iter().map(move |it| (context, it)));
        let moved = outcomes.filter(|(context, outcome)| {
            outcome.is_as_ordered() && self.moved.contains_key(&(*context, outcome.id.clone()))
        });
        moved.count()
    }

    /// Returns the groups of the clusters that answer, and leaves the others.
    fn reachable(&mut self, items: Vec<BatchItem>) -> Vec<BatchItem> {
        let (left, rest): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|it| self.unreachable.contains(&it.context));
        self.leave(left);
        rest
    }

    fn leave(&mut self, items: Vec<BatchItem>) {
        let items = items.into_iter();
        self.left
            .extend(items.map(|it| (it.context, it.planned.record.id())));
    }

    /// Writes groups, those of each cluster at the same time as those of the others.
    async fn write(
        &mut self,
        items: Vec<BatchItem>,
        interrupts: &mut Interrupts,
    ) -> Result<(), Interrupted> {
        for item in &items {
            if let Some(was_served) = item.moved_while_served() {
                let key = (item.context, item.planned.record.id());
                self.moved.insert(key, was_served);
            }
        }
        let mut by_context: Vec<Vec<PlannedChange>> = Vec::new();
        by_context.resize_with(self.how.contexts.len(), Vec::new);
        for item in items {
            if let Some(of_context) = by_context.get_mut(item.context) {
                of_context.push(item.planned);
            }
        }
        let (how, interrupted) = (self.how, &self.interrupted);
        let clusters = how.contexts.iter().zip(by_context);
        let writes = clusters.map(async |(context, planned)| {
            let writes = planned.into_iter().map(async |planned| {
                if interrupted.get().is_some() {
                    return Err(planned.record.id());
                }
                let outcome = write_one(*context, planned, how.dry_run).await;
                how.progress.count();
                Ok(outcome)
            });
            let writes = stream::iter(writes).buffer_unordered(MAX_CONCURRENT_WRITES);
            writes.collect::<Vec<_>>().await
        });
        let written = heed(how.progress, interrupted, interrupts, join_all(writes)).await?;
        let clusters = self.outcomes.iter_mut().zip(written).enumerate();
        for (context, (outcomes, results)) in clusters {
            let written = results.iter().flatten();
            if is_unreachable(written.map(|outcome| &outcome.result))
                && self.unreachable.insert(context)
                && let Some(of) = how.contexts.get(context)
            {
                how.progress.say(&clean(&format!(
                    "the API server of context {} no longer answers: stopped there",
                    of.cluster.context
                )));
            }
            for result in results {
                match result {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(id) => {
                        let key = (context, id);
                        self.moved.remove(&key);
                        self.left.push(key);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the groups back during the pause. Returns at once if one is worse off, or on a signal.
    async fn watch(&mut self, interrupts: &mut Interrupts) -> Result<Vec<WorseGroup>, Interrupted> {
        let end = Instant::now() + self.how.pause;
        loop {
            let worse = self.look(interrupts).await?;
            let left = end.saturating_duration_since(Instant::now());
            if !worse.is_empty() || left.is_zero() || self.interrupted.get().is_some() {
                return Ok(worse);
            }
            tokio::select! {
                () = sleep(WATCH_INTERVAL.min(left)) => {}
                interrupted = interrupts.next() => self.interrupted.set(Some(interrupted)),
            }
        }
    }

    /// Reads the groups back. Returns those that are worse off.
    async fn look(&mut self, interrupts: &mut Interrupts) -> Result<Vec<WorseGroup>, Interrupted> {
        let (how, interrupted) = (self.how, &self.interrupted);
        let clusters = how.contexts.iter().zip(&mut self.outcomes).enumerate();
        let clusters = clusters.filter(|(index, _)| !self.unreachable.contains(index));
        let reads = clusters.map(async |(_, (context, outcomes))| {
            let later = context.later.map(|later| later.publish(context.cluster));
            let read = read_back(context.cluster, outcomes, context.order);
            join(read, OptionFuture::from(later)).await
        });
        heed(how.progress, interrupted, interrupts, join_all(reads)).await?;
        let outcomes = self.outcomes.iter().enumerate();
        let outcomes = outcomes.flat_map(|(context, all)| all.iter().map(move |it| (context, it)));
        let worse = outcomes.filter_map(|(context, outcome)| {
            let was_served = self.moved.get(&(context, outcome.id.clone()))?;
            let now = outcome
                .now
                .as_ref()?
                .as_ref()
                .ok()
                .filter(|_| *was_served)?;
            Some(WorseGroup {
                context,
                id: outcome.id.clone(),
                why: worse(now)?,
            })
        });
        Ok(worse.collect())
    }
}

/// Waits for `work`. A first signal is noted, and a second one ends the wait.
async fn heed<T>(
    progress: &Progress,
    interrupted: &Cell<Option<Interrupted>>,
    interrupts: &mut Interrupts,
    work: impl Future<Output = T>,
) -> Result<T, Interrupted> {
    let mut work = std::pin::pin!(work);
    let silent_until = Instant::now() + SILENT_WAIT;
    let mut is_silent = true;
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            () = sleep_until(silent_until), if is_silent => {
                is_silent = false;
                progress.say("still waiting for answers of the API servers");
            }
            signal = interrupts.next() => {
                if interrupted.replace(Some(signal)).is_some() {
                    return Err(signal);
                }
                progress.say(&format!(
                    "received {}: finishing the groups under way (again to stop at once)",
                    signal.name()
                ));
            }
        }
    }
}

/// Whether all writes to a cluster failed because it does not answer.
fn is_unreachable<'a>(results: impl Iterator<Item = &'a ChangeResult>) -> bool {
    let mut writes = results.filter(|result| {
        use ChangeResult::{Changed, Failed, Gone};
        matches!(result, Changed(_) | Failed(_) | Gone(_))
    });
    let is_lost =
        |result: &ChangeResult| matches!(result, ChangeResult::Failed(it) if it.is_unreachable);
    writes.next().is_some_and(is_lost) && writes.all(is_lost)
}

impl BatchItem {
    fn weights_after(&self) -> Option<&Vec<u64>> {
        match &self.planned.plan {
            Ok(ChangePlan::Change(write)) => write.change.moves_to.as_ref(),
            _ => None,
        }
    }

    fn moves(&self) -> bool {
        self.weights_after().is_some()
    }

    /// Whether the group was served before the move; none if it does not move.
    fn moved_while_served(&self) -> Option<bool> {
        self.weights_after()?;
        let group = self.planned.seen.group.as_ref().ok()?;
        Some(is_served(&group.weights(), &self.planned.seen.readiness))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn a_cluster_is_left_if_no_write_to_it_is_answered() {
        let failed = |is_unreachable| {
            ChangeResult::Failed(Problem {
                is_unreachable,
                ..Problem::new("failed")
            })
        };
        let changed = || ChangeResult::Changed(String::new());
        let unchanged = || ChangeResult::Unchanged(String::new());
        for (results, expected) in [
            (vec![], false),
            (vec![unchanged()], false),
            (vec![failed(true), failed(true), unchanged()], true),
            (vec![failed(true), changed()], false),
            (vec![failed(true), failed(false)], false),
            (vec![failed(false)], false),
        ] {
            assert_eq!(is_unreachable(results.iter()), expected, "{results:?}");
        }
    }
}
