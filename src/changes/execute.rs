//! Carries out an order on the chosen groups: plan, prompt, write, read back.

use std::cell::RefCell;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::Instant;

use super::confirm::confirm;
use super::order::{ChangeOutcome, ChangePlan, ChangeResult, Order};
use super::plan::{PlannedChange, ids_to_change, plan_all, plan_confirmed, plan_readable};
use super::preflight::MAX_CONCURRENT_GROUPS;
use super::read_back::read_back;
use super::write::{OrderContext, maybe_changed, write};
use crate::cli::{ChangeArgs, DryRun};
use crate::cluster::Clusters;
use crate::cluster::api::identity;
use crate::error::explain;
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::process::input::Input;
use crate::process::signals::Interrupts;
use crate::resource::Record;

/// An order, where to carry it out, and where to ask and report.
#[derive(Clone, Copy)]
pub struct Execution<'a> {
    pub cluster: &'a Clusters,
    pub order: &'a dyn Order,
    pub args: &'a ChangeArgs,
    pub streams: &'a Streams,
    pub input: &'a Input,
}

/// An order that was carried out, but not reported yet.
#[derive(Debug)]
pub struct Executed {
    pub outcomes: Vec<ChangeOutcome>,
    /// When the order was given. Its duration starts then.
    pub started: Timestamp,
    /// Who gave it: user and host.
    pub by: String,
    /// When the writes had ended. The wait of the order starts then.
    pub written: Instant,
    /// The signals since before the first write.
    pub interrupts: Interrupts,
}

impl Execution<'_> {
    /// Carries the order out and reports it.
    ///
    /// # Errors
    /// As [`Self::execute`] and [`Self::report`].
    pub async fn run(
        &self,
        records: Vec<Record>,
        before: Vec<ChangeOutcome>,
    ) -> anyhow::Result<Exit> {
        let executed = self.execute(records, before).await?;
        self.report(&executed.outcomes)
    }

    /// Plans for every group, asks once, writes, and reads back. `before` are outcomes that the
    /// command already has.
    ///
    /// # Errors
    /// If the prompt is declined or impossible, or a signal ends the writes.
    pub async fn execute(
        &self,
        records: Vec<Record>,
        before: Vec<ChangeOutcome>,
    ) -> anyhow::Result<Executed> {
        let Self { cluster, order, .. } = *self;
        let (spec, dry_run) = (order.spec(), self.args.dry_run.mode);
        let by = identity::signature(cluster)
            .await
            .map_err(|cause| explain(cluster, &cause))?;
        let mut context = OrderContext {
            cluster,
            order,
            by: &by,
            started: cluster.clock().now(),
            later: None,
        };
        let mut changes = plan_all(context, records).await;
        let mut confirmed = None;
        if spec.asks && dry_run == DryRun::None && !self.args.yes {
            confirmed = confirm(context, &changes, self.args, self.streams, self.input).await?;
        }
        let was_asked = confirmed.is_some();
        if was_asked {
            // The prompt may have been open for a while.
            context.started = cluster.clock().now();
        }
        let mut interrupts = confirmed.map_or_else(Interrupts::listen, Ok)?;
        let started_writes = RefCell::new(Vec::new());
        let work = async {
            let mut outcomes = before;
            if was_asked {
                let lost;
                (changes, lost) = plan_confirmed(context, changes).await;
                outcomes.extend(lost);
            }
            if dry_run == DryRun::None {
                started_writes.replace(ids_to_change(&changes));
            }
            outcomes.extend(write_all(context, changes, dry_run).await);
            let written = Instant::now();
            read_back(cluster, &mut outcomes, order).await;
            (outcomes, written)
        };
        let (outcomes, written) = tokio::select! {
            done = work => done,
            interrupted = interrupts.next(), if !spec.ends_on_signals => {
                let problem = interrupted.problem();
                return Err(maybe_changed(cluster, &started_writes.borrow(), problem).into());
            }
        };
        Ok(Executed {
            outcomes,
            started: context.started,
            written,
            interrupts,
            by,
        })
    }
}

/// Carries out an order that follows from another one, on the current state of its groups, without
/// a prompt.
pub async fn follow_up(context: OrderContext<'_>, records: &[Record]) -> Vec<ChangeOutcome> {
    let (changes, mut outcomes) = plan_readable(context, records).await;
    outcomes.extend(write_all(context, changes, DryRun::None).await);
    read_back(context.cluster, &mut outcomes, context.order).await;
    outcomes
}

async fn write_all(
    context: OrderContext<'_>,
    changes: Vec<PlannedChange>,
    dry_run: DryRun,
) -> Vec<ChangeOutcome> {
    let writes = changes.into_iter();
    let writes = writes.map(|planned| write_one(context, planned, dry_run));
    stream::iter(writes)
        .buffer_unordered(MAX_CONCURRENT_GROUPS)
        .collect()
        .await
}

/// Writes the change of one group, if it has one.
pub async fn write_one(
    context: OrderContext<'_>,
    planned: PlannedChange,
    dry_run: DryRun,
) -> ChangeOutcome {
    let has_timed_out = context.order.spec().timed_out;
    let (record, seen, shown) = (planned.record, planned.seen, planned.shown.as_ref());
    let outcome = ChangeOutcome::of(&record, ChangeResult::Unchanged(String::new()));
    let result = match planned.plan {
        Err(refusal) if refusal.may_pass && has_timed_out => ChangeResult::NotMet(refusal),
        Err(refusal) => ChangeResult::Refused(refusal),
        Ok(ChangePlan::Unchanged(words)) => ChangeResult::Unchanged(words),
        Ok(ChangePlan::Left(why)) => ChangeResult::Left(why),
        Ok(ChangePlan::Change(planned)) if dry_run == DryRun::Client => {
            ChangeResult::WouldChange(planned.words)
        }
        Ok(ChangePlan::Change(planned)) => {
            let dry_run = dry_run == DryRun::Server;
            write(context, record, seen, *planned, dry_run, shown).await
        }
    };
    ChangeOutcome { result, ..outcome }
}
