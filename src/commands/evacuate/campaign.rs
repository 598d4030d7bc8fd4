//! Carries `evacuate` and `return` out: shows the plan of all contexts, asks once, writes in
//! batches, and has it reported.

use std::collections::HashMap;

use futures::future::{join, join_all};
use jiff::Timestamp;

use super::commands::Commands;
use super::gather::{ContextFacts, Gathered};
use super::permissions::{DeniedKinds, review};
use super::ready::{ReadinessWait, may_pass};
use super::rows;
use crate::changes::batches::{BatchItem, BatchResult, Batches};
use crate::changes::confirm::{ask, refuse_without_terminal};
use crate::changes::later_events::LaterEvents;
use crate::changes::order::{ChangeOutcome, Order};
use crate::changes::plan::{PlannedChange, plan_confirmed};
use crate::changes::preflight::Preflight;
use crate::changes::write::OrderContext;
use crate::cli::{DryRun, ManyArgs, ManyFormat};
use crate::commands::args::members::ContextMembers;
use crate::commands::env::CommandEnv;
use crate::model::GroupId;
use crate::output::progress::Progress;
use crate::problem::Exit;
use crate::process::signals::Interrupts;
use crate::resource::Record;
use crate::view::evacuation::EvacuationRow;

/// A group to plan for.
pub struct Target {
    pub record: Record,
    pub seen: Preflight,
    /// The indexes of its backends in the cluster.
    pub there: Vec<usize>,
}

/// The groups of a context to plan for, and the kinds of them that the user may not patch.
pub struct ContextTargets {
    pub targets: Vec<Target>,
    pub denied: DeniedKinds,
}

impl ContextTargets {
    /// `there` returns the indexes of a group's backends in the cluster; none if the group is not
    /// concerned. `facts` has one for each record.
    pub fn of(
        records: &[Record],
        facts: ContextFacts,
        there: impl Fn(&Record) -> Option<Vec<usize>>,
    ) -> Self {
        let ContextFacts { seen, denied } = facts;
        let targets = records.iter().zip(seen).filter_map(|(record, seen)| {
            Some(Target {
                there: there(record)?,
                record: record.clone(),
                seen,
            })
        });
        Self {
            targets: targets.collect(),
            denied,
        }
    }
}

/// A change of the groups of several contexts.
pub struct Campaign<'a> {
    /// What the plan says first.
    pub notes: Vec<String>,
    /// Those of the notes that are warnings.
    pub doubts: Vec<String>,
    pub env: &'a CommandEnv,
    pub many: &'a ManyArgs,
    pub gathered: &'a Gathered,
    pub members: &'a [ContextMembers],
    pub cluster: &'a str,
    pub id: &'a str,
    /// One for each context.
    pub orders: Vec<&'a dyn Order>,
    pub until: Option<Timestamp>,
    pub reason: Option<&'a str>,
    pub commands: Commands<'a>,
    /// What to wait for before the first write.
    pub wait: Option<ReadinessWait<'a>>,
}

/// A group of a context.
type Key = (usize, GroupId);

impl Campaign<'_> {
    pub async fn run(&self, targets: Vec<ContextTargets>) -> anyhow::Result<Exit> {
        let Self { env, many, .. } = self;
        let there: HashMap<Key, Vec<usize>> = targets
            .iter()
            .enumerate()
            .flat_map(|(context, targets)| {
                let targets = targets.targets.iter();
                targets.map(move |it| ((context, it.record.id()), it.there.clone()))
            })
            .collect();
        let later = self.orders.iter().map(|_| LaterEvents::default());
        let later: Vec<LaterEvents> = later.collect();
        let mut contexts = self.contexts(&later);
        let asks = many.dry_run.mode == DryRun::None && !many.yes;
        let mut planned = self.plan(&contexts, targets).await;
        let wait = self
            .wait
            .as_ref()
            .filter(|_| many.dry_run.mode == DryRun::None);
        let wait = wait.filter(|_| planned.iter().flatten().any(may_pass));
        let has_change = planned.iter().flatten().any(PlannedChange::is_change) || wait.is_some();
        if asks && has_change {
            refuse_without_terminal(self.command(), &env.input)?;
        }
        let mut rows = self.rows(&planned, &there);
        if many.dry_run.mode != DryRun::Client {
            self.show_plan(&rows);
        }
        let mut interrupts = if asks && has_change {
            ask(&env.streams, &env.input).await?
        } else {
            Interrupts::listen()?
        };
        if let Some(wait) = wait {
            wait.run(&contexts, &planned, &env.streams, &mut interrupts)
                .await?;
        }
        let mut outcomes: Vec<Vec<ChangeOutcome>> = Vec::new();
        if asks && has_change || wait.is_some() {
            for (context, of) in contexts.iter_mut().zip(&self.gathered.contexts) {
                context.started = of.cluster.clock().now();
            }
            (planned, outcomes) = self.plan_again(&contexts, planned).await;
        }
        if wait.is_some() {
            let again = self.rows(&planned, &there).into_iter();
            let again = again.map(|row| ((row.context.clone(), row.id.clone()), row));
            let mut again: HashMap<_, EvacuationRow> = again.collect();
            for row in &mut rows {
                if let Some(planned) = again.remove(&(row.context.clone(), row.id.clone())) {
                    *row = planned;
                }
            }
        }
        let progress = Progress::new(&env.streams, planned.iter().map(Vec::len).sum());
        let batches = Batches {
            contexts: &contexts,
            size: many.batch.and_then(|size| usize::try_from(size).ok()),
            pause: many.pause,
            dry_run: many.dry_run.mode,
            progress: &progress,
        };
        let items = planned
            .into_iter()
            .enumerate()
            .flat_map(|(context, planned)| {
                let planned = planned.into_iter();
                planned.map(move |planned| BatchItem { context, planned })
            });
        let result = batches.run(items.collect(), &mut interrupts).await;
        drop(progress);
        let mut result = result.map_err(|interrupted| {
            let problem = interrupted.problem();
            problem
                .next("the groups under way may or may not have been changed")
                .next_all(self.ways_on(&rows, true))
        })?;
        for (all, lost) in result.outcomes.iter_mut().zip(outcomes) {
            all.extend(lost);
        }
        self.complete(&mut rows, &result);
        self.report(&rows, &result)
    }

    pub(super) fn command(&self) -> &'static str {
        self.orders.first().map_or("evacuate", |it| it.spec().name)
    }

    fn contexts<'b>(&'b self, later: &'b [LaterEvents]) -> Vec<OrderContext<'b>> {
        let each = self.gathered.contexts.iter().zip(&self.orders);
        let each = each.zip(later);
        each.map(|((context, order), later)| OrderContext {
            later: Some(later),
            cluster: &context.cluster,
            order: *order,
            by: &context.by,
            started: context.at,
        })
        .collect()
    }

    async fn plan(
        &self,
        contexts: &[OrderContext<'_>],
        targets: Vec<ContextTargets>,
    ) -> Vec<Vec<PlannedChange>> {
        let plans = contexts
            .iter()
            .zip(targets)
            .map(async |(context, targets)| {
                let ContextTargets { targets, denied } = targets;
                let planned = targets.into_iter();
                let planned =
                    planned.map(|it| PlannedChange::of(context.order, it.record, it.seen));
                let mut planned: Vec<PlannedChange> = planned.collect();
                planned.sort_by_cached_key(|change| change.record.id());
                let command = self.command();
                denied.refuse(context.cluster, command, &mut planned).await;
                planned
            });
        join_all(plans).await
    }

    /// Plans on the groups as they are after the prompt. Also returns the outcomes of those that can
    /// no longer be read.
    async fn plan_again(
        &self,
        contexts: &[OrderContext<'_>],
        planned: Vec<Vec<PlannedChange>>,
    ) -> (Vec<Vec<PlannedChange>>, Vec<Vec<ChangeOutcome>>) {
        let plans = contexts
            .iter()
            .zip(planned)
            .map(async |(context, planned)| {
                let records = planned.iter().map(|change| change.record.clone());
                let records: Vec<Record> = records.collect();
                let denied = review(context.cluster, &records);
                let ((mut planned, lost), denied) =
                    join(plan_confirmed(*context, planned), denied).await;
                let command = self.command();
                denied.refuse(context.cluster, command, &mut planned).await;
                (planned, lost)
            });
        join_all(plans).await.into_iter().unzip()
    }

    fn rows(
        &self,
        planned: &[Vec<PlannedChange>],
        there: &HashMap<Key, Vec<usize>>,
    ) -> Vec<EvacuationRow> {
        let order = rows::OrderedEvacuation {
            cluster: self.cluster,
            id: self.id,
            returns: self.command() == "return",
        };
        let contexts = self.gathered.contexts.iter().zip(planned).enumerate();
        contexts
            .flat_map(|(index, (context, planned))| {
                let name = context.cluster.context.as_str();
                planned.iter().map(move |change| {
                    let there = there.get(&(index, change.record.id()));
                    let there = there.map_or(&[][..], Vec::as_slice);
                    rows::planned(name, order, change, there)
                })
            })
            .collect()
    }

    fn show_plan(&self, rows: &[EvacuationRow]) {
        if rows.is_empty() {
            return;
        }
        let streams = &self.env.streams;
        let columns = (self.many.output == ManyFormat::Table && streams.err_is_terminal())
            .then(|| streams.terminal_size().0);
        let report = self.report_of(rows, None, Vec::new(), Exit::Done);
        for line in report.plan(self.many.output == ManyFormat::Wide, columns) {
            streams.say(&line);
        }
        self.say_fitted(self.unread(&report));
    }

    /// Returns the outcomes by context and group.
    pub(super) fn outcomes<'b>(
        &'b self,
        result: &'b BatchResult,
    ) -> HashMap<(&'b str, &'b GroupId), &'b ChangeOutcome> {
        let contexts = self.gathered.contexts.iter();
        let contexts = contexts.map(|it| it.cluster.context.as_str());
        contexts
            .zip(&result.outcomes)
            .flat_map(|(context, all)| all.iter().map(move |it| ((context, &it.id), it)))
            .collect()
    }

    fn complete(&self, rows: &mut [EvacuationRow], result: &BatchResult) {
        let outcomes = self.outcomes(result);
        let returns = self.command() == "return";
        for row in rows {
            match outcomes.get(&(row.context.as_str(), &row.id)) {
                Some(outcome) => rows::complete(row, outcome, returns),
                None => rows::not_reached(row),
            }
        }
    }
}
