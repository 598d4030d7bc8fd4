//! Carries `evacuate` and `return` out: shows the plan of all contexts, asks once, writes in
//! batches, and reports.

use std::collections::{BTreeMap, HashMap};

use futures::future::{join, join_all};
use jiff::Timestamp;

use super::gather::Gathered;
use super::permissions::review;
use super::ready::{ReadinessWait, may_pass};
use super::rows;
use crate::changes::batches::{BatchItem, BatchResult, Batches, Stop};
use crate::changes::confirm::{ask, refuse_without_terminal};
use crate::changes::later_events::LaterEvents;
use crate::changes::order::{ChangeOutcome, Order};
use crate::changes::plan::{PlannedChange, plan_all, plan_confirmed};
use crate::changes::write::OrderContext;
use crate::cli::{DryRun, ManyArgs, ManyFormat};
use crate::commands::args::contexts;
use crate::commands::args::members::ContextMembers;
use crate::commands::env::CommandEnv;
use crate::model::cluster_name::fits;
use crate::model::{GroupId, Runner};
use crate::output::progress::Progress;
use crate::problem::Exit;
use crate::process::signals::Interrupts;
use crate::resource::Record;
use crate::text::{clean, word};
use crate::view::evacuation::{EvacuationContext, EvacuationReport, EvacuationRow, Stopped};
use crate::view::formats::{json, yaml};

/// A group, and the indexes of its backends in the cluster.
pub struct Target {
    pub record: Record,
    pub there: Vec<usize>,
}

impl Target {
    pub fn of(record: &Record, there: Vec<usize>) -> Self {
        Self {
            record: record.clone(),
            there,
        }
    }
}

/// A change of the groups of several contexts.
pub struct Campaign<'a> {
    /// What the plan says first.
    pub notes: Vec<String>,
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
    /// The command that goes on.
    pub go_on: String,
    /// The command that undoes it.
    pub undo: String,
    /// What to wait for before the first write.
    pub wait: Option<ReadinessWait<'a>>,
}

/// A group of a context.
type Key = (usize, GroupId);

impl Campaign<'_> {
    pub async fn run(&self, targets: Vec<Vec<Target>>) -> anyhow::Result<Exit> {
        let Self { env, many, .. } = self;
        let there: HashMap<Key, Vec<usize>> = targets
            .iter()
            .enumerate()
            .flat_map(|(context, targets)| {
                let targets = targets.iter();
                targets.map(move |it| ((context, it.record.id()), it.there.clone()))
            })
            .collect();
        let later = self.orders.iter().map(|_| LaterEvents::default());
        let later: Vec<LaterEvents> = later.collect();
        let mut contexts = self.contexts(&later);
        let asks = many.dry_run == DryRun::None && !many.yes;
        let mut planned = self.plan(&contexts, targets).await;
        let wait = self.wait.as_ref().filter(|_| many.dry_run == DryRun::None);
        let wait = wait.filter(|_| planned.iter().flatten().any(may_pass));
        let has_change = planned.iter().flatten().any(PlannedChange::is_change) || wait.is_some();
        if asks && has_change {
            refuse_without_terminal(self.command(), &env.input)?;
        }
        let mut rows = self.rows(&planned, &there);
        if asks && has_change {
            self.unread_cluster()
                .iter()
                .for_each(|it| env.streams.say(it));
        }
        if many.dry_run != DryRun::Client {
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
            dry_run: many.dry_run,
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
                .next_all(self.ways_on())
        })?;
        for (all, lost) in result.outcomes.iter_mut().zip(outcomes) {
            all.extend(lost);
        }
        self.complete(&mut rows, &result);
        self.report(&rows, &result)
    }

    fn command(&self) -> &'static str {
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
            started: context.cluster.clock().now(),
        })
        .collect()
    }

    async fn plan(
        &self,
        contexts: &[OrderContext<'_>],
        targets: Vec<Vec<Target>>,
    ) -> Vec<Vec<PlannedChange>> {
        let plans = contexts
            .iter()
            .zip(targets)
            .map(async |(context, targets)| {
                let records = targets.into_iter().map(|target| target.record);
                let records: Vec<Record> = records.collect();
                let denied = review(context.cluster, &records);
                let (mut planned, denied) = join(plan_all(*context, records.clone()), denied).await;
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
        let report = self.of(rows, None, Vec::new(), Exit::Done);
        for line in report.plan(self.many.output == ManyFormat::Wide, columns) {
            streams.say(&line);
        }
        for line in report.unread() {
            streams.say(&line);
        }
    }

    fn complete(&self, rows: &mut [EvacuationRow], result: &BatchResult) {
        let contexts = self.gathered.contexts.iter();
        let names: Vec<&str> = contexts.map(|it| it.cluster.context.as_str()).collect();
        let by_name: HashMap<&str, usize> =
            names.iter().enumerate().map(|(i, n)| (*n, i)).collect();
        let outcomes: BTreeMap<(usize, &GroupId), &ChangeOutcome> = result
            .outcomes
            .iter()
            .enumerate()
            .flat_map(|(context, all)| all.iter().map(move |it| ((context, &it.id), it)))
            .collect();
        for row in rows {
            let Some(&context) = by_name.get(row.context.as_str()) else {
                continue;
            };
            match outcomes.get(&(context, &row.id)) {
                Some(outcome) => rows::complete(row, outcome),
                None => rows::not_reached(row),
            }
        }
    }

    fn report(&self, rows: &[EvacuationRow], result: &BatchResult) -> anyhow::Result<Exit> {
        let Self { env, many, .. } = self;
        let streams = &env.streams;
        let exit = exit(rows, result, !self.gathered.unread.is_empty());
        let stopped = self.stopped(result);
        let warnings = self.warnings(result);
        let mut report = self.of(rows, stopped, warnings, exit);
        let is_whole = exit == Exit::Done;
        let is_dry = many.dry_run != DryRun::None;
        if rows.iter().any(EvacuationRow::is_as_ordered) || !is_whole && !is_dry {
            report.next = self.next(&report, result);
        }
        match many.output {
            ManyFormat::Json => streams.print_if_read(json(&report.document())?.trim_end())?,
            ManyFormat::Yaml => streams.print_if_read(yaml(&report.document())?.trim_end())?,
            ManyFormat::Table | ManyFormat::Wide => self.print(&report)?,
        }
        Ok(exit)
    }

    fn print(&self, report: &EvacuationReport) -> anyhow::Result<()> {
        let streams = &self.env.streams;
        if self.many.dry_run == DryRun::Client && !report.rows.is_empty() {
            let columns = (self.many.output == ManyFormat::Table && streams.out_is_terminal())
                .then(|| streams.terminal_size().0);
            for line in report.plan(self.many.output == ManyFormat::Wide, columns) {
                streams.print_if_read(&line)?;
            }
            streams.print_if_read("")?;
        }
        for line in report.surprises() {
            streams.say(&line);
        }
        if let Some(stopped) = &report.stopped {
            streams.say(&stopped.words);
        }
        streams.print_if_read(&report.summary())?;
        for line in report.unread() {
            streams.say(&line);
        }
        for line in report.warnings.iter().chain(&report.next) {
            streams.say(line);
        }
        Ok(())
    }

    fn of<'b>(
        &'b self,
        rows: &'b [EvacuationRow],
        stopped: Option<Stopped>,
        warnings: Vec<String>,
        exit: Exit,
    ) -> EvacuationReport<'b> {
        let read = self.gathered.contexts.iter().zip(self.members);
        let read = read.map(|(context, members)| EvacuationContext {
            context: &context.cluster.context,
            server: Some(&context.cluster.server),
            cluster: Ok(&members.own.name),
        });
        let unread = self.gathered.unread.iter().map(|it| EvacuationContext {
            context: &it.context,
            server: None,
            cluster: Err(&it.problem),
        });
        EvacuationReport {
            command: self.command(),
            cluster: self.cluster,
            id: self.id,
            until: self.until,
            reason: self.reason,
            dry_run: self.many.dry_run != DryRun::None,
            notes: &self.notes,
            contexts: read.chain(unread).collect(),
            rows,
            stopped,
            warnings,
            next: Vec::new(),
            exit_code: exit.code(),
        }
    }

    fn stopped(&self, result: &BatchResult) -> Option<Stopped> {
        let (stopped, left) = match result.left.len() {
            0 => ("", String::new()),
            1 => ("stopped, since ", "; 1 group not reached".to_owned()),
            left => ("stopped, since ", format!("; {left} groups not reached")),
        };
        Some(match result.stop.as_ref()? {
            Stop::Interrupted(signal) => Stopped {
                why: "interrupted",
                words: format!("stopped by {}{left}", signal.name()),
            },
            Stop::Worse(groups) => {
                let groups = groups.iter().map(|it| {
                    let context = self.gathered.contexts.get(it.context);
                    let context = context.map_or("", |it| it.cluster.context.as_str());
                    format!("{context} {} is {}", it.id, it.why)
                });
                let groups: Vec<String> = groups.collect();
                Stopped {
                    why: "worse",
                    words: clean(&format!(
                        "{stopped}a group is worse off after its traffic moved: {}{left}",
                        groups.join("; ")
                    )),
                }
            }
        })
    }

    fn next(&self, report: &EvacuationReport, result: &BatchResult) -> Vec<String> {
        if result.stop.is_some() || report.exit_code != 0 {
            return self.ways_on();
        }
        if self.command() == "return" {
            return Vec::new();
        }
        vec![format!("to bring the traffic back: {}", self.undo)]
    }

    fn ways_on(&self) -> Vec<String> {
        vec![
            format!("to go on: {}", self.go_on),
            format!("to undo it: {}", self.undo),
        ]
    }

    /// Warns if no context is of the cluster itself, whose own groups send their traffic there.
    fn unread_cluster(&self) -> Option<String> {
        let Self { env, cluster, .. } = self;
        let mut read = self.members.iter();
        let mut unread = self.gathered.unread.iter();
        if read.any(|it| it.own.name == *cluster) || unread.any(|it| fits(&it.context, cluster)) {
            return None;
        }
        let cluster = clean(cluster);
        let contexts = self.gathered.contexts.iter();
        let mut names: Vec<String> = contexts.map(|it| it.cluster.context.clone()).collect();
        let mut known = contexts::names(env).into_iter();
        let how = match known.find(|it| fits(it, &cluster) && !names.contains(it)) {
            Some(context) => {
                names.push(context);
                format!("add --contexts {}", word(&names.join(",")))
            }
            None => format!(
                "add its context with --contexts, and --local-name {}",
                word(&format!("{cluster}=CONTEXT"))
            ),
        };
        Some(format!(
            "warning: no context that was read is of cluster {cluster}: the groups in {cluster} \
             itself were not read, and their traffic stays there; {how}"
        ))
    }

    /// What may keep the order from lasting, or from ending.
    fn warnings(&self, result: &BatchResult) -> Vec<String> {
        let statuses = result.outcomes.iter().flatten();
        let statuses = statuses.filter_map(|it| it.now.as_ref()?.as_ref().ok());
        let (mut upstream, mut unattended) = (0, 0);
        for status in statuses {
            match status.runner {
                Runner::Upstream => upstream += 1,
                Runner::Unattended => unattended += 1,
                _ => {}
            }
        }
        let mut warnings = Vec::new();
        if let Some(wait) = self.wait.as_ref().filter(|wait| wait.has_timed_out()) {
            let limit = wait.limit.unwrap_or_default().as_secs();
            warnings.push(format!(
                "timed out after {limit}s waiting for groups to be ready"
            ));
        }
        if self.command() == "return" {
            return warnings;
        }
        warnings.extend(self.unread_cluster());
        if upstream > 0 {
            warnings.push(format!(
                "warning: Linkerd's failover controller runs {upstream} of these groups. It knows \
                 nothing of evacuations, and may move their traffic back"
            ));
        }
        if unattended > 0 && self.until.is_some() {
            warnings.push(format!(
                "warning: no watch is running for {unattended} of these groups, so there the \
                 evacuation does not expire by itself. To end it then: {}",
                self.undo
            ));
        }
        warnings
    }
}

/// 0 if all is as ordered, 4 if every group was refused, 3 if some were not ready in time, else 1.
fn exit(rows: &[EvacuationRow], result: &BatchResult, is_partial: bool) -> Exit {
    match &result.stop {
        Some(Stop::Interrupted(signal)) => return Exit::Passed(signal.code()),
        Some(Stop::Worse(_)) => return Exit::Failed,
        None => {}
    }
    let count = |results: &[&str]| {
        rows.iter()
            .filter(|row| results.contains(&row.result))
            .count()
    };
    let refused = count(&["refused", "left"]);
    let late = count(&["notMet"]);
    let stays = rows.iter().filter(|row| row.plan.has_no_way()).count();
    if count(&["failed", "notReached"]) > 0 || is_partial {
        return Exit::Failed;
    }
    match (refused, late, stays) {
        (0, 0, 0) => Exit::Done,
        (_, 1.., _) => Exit::NotMet,
        (refused, ..) if refused == rows.len() => Exit::Refused,
        _ => Exit::Failed,
    }
}
