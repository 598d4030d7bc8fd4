//! `migrate`: replaces TrafficSplits with routes, without a gap, and back.

mod checks;
mod effect;
mod order;
mod steps;
mod tasks;

use std::collections::BTreeSet;
use std::sync::Mutex;

use futures::{StreamExt as _, stream};

use checks::{Checked, MigrationCheck};
use order::MigrateOrder;
use steps::Migration;
use tasks::{Chosen, Task, choose};

use super::args::absent;
use super::args::query::GroupQuery;
use super::args::selection::parse_selector;
use super::args::targets::{ambiguous, check_named};
use super::create::existing::{self, ExistingObjects};
use super::env::CommandEnv;
use crate::changes::confirm::confirm;
use crate::changes::order::{ChangeOutcome, ChangePlan, ChangeResult, Order as _};
use crate::changes::plan::PlannedChange;
use crate::changes::preflight::{MAX_CONCURRENT_GROUPS, PreflightReads, preflight};
use crate::changes::read_back::read_back;
use crate::changes::refusal::Refusal;
use crate::changes::write::OrderContext;
use crate::cli::{DryRun, MigrateArgs};
use crate::cluster::Clusters;
use crate::cluster::api::identity;
use crate::error::explain;
use crate::model::Carrier;
use crate::output::spinner::Spinner;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;
use crate::resource::{Change, KINDS, Kind, Record, kinds_called};
use crate::view::command_line::command_on;

pub async fn run(env: &CommandEnv, args: &MigrateArgs) -> anyhow::Result<Exit> {
    check_named(env, &args.groups, "migrate")?;
    check_arguments(args)?;
    let cluster = env.connect(&args.change.remotes).await?;
    let namespace = env.namespace(&cluster);
    let objects = existing::read(&cluster, namespace.as_deref()).await?;
    let query = GroupQuery {
        namespace: namespace.as_deref(),
        selector: args.groups.selector.as_deref(),
        names: &args.groups.names,
    };
    for hidden in objects.hidden() {
        env.streams.say(&format!(
            "warning: {} objects are skipped: you may not list them",
            hidden.full_name()
        ));
    }
    let to_kind = kind_to_make(&cluster, args, &objects)?;
    let tasks = match choose(args, to_kind, &objects)? {
        Chosen::Tasks(tasks) => tasks,
        Chosen::Ambiguous(name, ids) => return Err(ambiguous(&name, &ids).into()),
        Chosen::Unknown(name) => {
            let controlled = objects.records().filter(|record| record.is_controlled());
            let all: Vec<Record> = controlled.cloned().collect();
            let problem = absent::unknown_group(&cluster, query.namespace, &name, &all).await;
            return Err(problem.into());
        }
    };
    if tasks.is_empty() {
        let selector = parse_selector(query.selector)?;
        let is_meant =
            |record: &Record| record.is_controlled() && selector.matches(&record.meta.labels);
        if !objects.records().any(is_meant) {
            let problem = absent::no_groups(&cluster, query).await;
            return Err(problem.next("nothing was changed").into());
        }
        env.streams.say("nothing to migrate");
        return Ok(Exit::Done);
    }
    Migrations {
        env,
        args,
        cluster: &cluster,
        objects: &objects,
    }
    .run(tasks)
    .await
}

fn check_arguments(args: &MigrateArgs) -> Result<(), Problem> {
    if args.name.is_some() && args.groups.names.len() != 1 {
        return Err(Problem::usage("--name is for one group"));
    }
    let kinds = args.to.as_deref().map(kinds_called).unwrap_or_default();
    if kinds
        .iter()
        .any(|kind| kind.info().carrier == Carrier::Split)
    {
        return Err(Problem::usage("--to takes a kind of route")
            .next("to make TrafficSplits of routes: --undo"));
    }
    Ok(())
}

/// Returns the kind of the new objects.
///
/// # Errors
/// If the cluster does not serve it, or the user may not read it.
fn kind_to_make(
    cluster: &Clusters,
    args: &MigrateArgs,
    objects: &ExistingObjects,
) -> Result<&'static dyn Kind, Problem> {
    let is_split = |kind: &&&dyn Kind| kind.info().carrier == Carrier::Split;
    let kinds: Vec<&'static dyn Kind> = if args.undo {
        KINDS.iter().filter(is_split).copied().collect()
    } else {
        kinds_called(args.to.as_deref().unwrap_or("httproute"))
    };
    objects.readable(&kinds).ok_or_else(|| {
        let infos = || kinds.iter().map(|kind| kind.info());
        if let Some(error) = infos().find_map(|info| objects.forbidden(info)) {
            return explain(cluster, error);
        }
        let unknown = infos().next().map(|info| {
            existing::unknown_kind(cluster, info).next(existing::where_it_is_from(info))
        });
        unknown.unwrap_or_else(|| Problem::new("no kind was named"))
    })
}

struct Migrations<'a> {
    env: &'a CommandEnv,
    args: &'a MigrateArgs,
    cluster: &'a Clusters,
    objects: &'a ExistingObjects,
}

/// A task, and what was found out about it.
struct Planned {
    task: Task,
    checked: Checked,
    change: PlannedChange,
}

impl Migrations<'_> {
    async fn run(&self, tasks: Vec<Task>) -> anyhow::Result<Exit> {
        let Self {
            env, args, cluster, ..
        } = *self;
        let by = identity::signature(cluster)
            .await
            .map_err(|cause| explain(cluster, &cause))?;
        let mut order = MigrateOrder {
            args,
            needs_restarts: BTreeSet::new(),
        };
        let planned = self.plan(&order, &by, tasks).await;
        for warning in planned.iter().flat_map(|planned| &planned.checked.warnings) {
            env.streams.say(&format!("warning: {warning}"));
        }
        let restarts = planned
            .iter()
            .filter(|planned| planned.has_misled_clients());
        order.needs_restarts = restarts.map(|planned| planned.task.target()).collect();
        let context = OrderContext {
            cluster,
            order: &order,
            by: &by,
            started: cluster.clock().now(),
            later: None,
        };
        let (tasks, changes): (Vec<(Task, Checked)>, Vec<PlannedChange>) = planned
            .into_iter()
            .map(|planned| ((planned.task, planned.checked), planned.change))
            .unzip();
        let mut confirmed = None;
        if args.change.dry_run.mode == DryRun::None && !args.change.yes {
            confirmed = confirm(context, &changes, &args.change, &env.streams, &env.input).await?;
        }
        let mut interrupts = confirmed.map_or_else(Interrupts::listen, Ok)?;
        let planned = tasks.into_iter().zip(changes);
        let planned = planned.map(|((task, checked), change)| Planned {
            task,
            checked,
            change,
        });
        let work = async { Ok(self.carry_out(&by, planned.collect()).await) };
        let mut outcomes = interrupts.or(work).await.map_err(|error| {
            let problem = Problem::of(&error);
            problem
                .next("what was begun goes on when the command is run again")
                .next("to cancel it: the same command with --undo")
        })?;
        read_back(cluster, &mut outcomes, &order).await;
        env.execution(cluster, &order, &args.change)
            .report(&outcomes)
    }

    async fn plan(&self, order: &MigrateOrder<'_>, by: &str, tasks: Vec<Task>) -> Vec<Planned> {
        let Self { cluster, .. } = *self;
        let carrying = |task: Task| task.carrying().cloned().map(|record| (task, record));
        let (tasks, records): (Vec<Task>, Vec<Record>) =
            tasks.into_iter().filter_map(carrying).unzip();
        let reads = PreflightReads {
            objects: true,
            ..PreflightReads::default()
        };
        let now = cluster.clock().now();
        let seen = preflight(cluster, &records, by, now, reads).await;
        let plans = tasks.into_iter().zip(records).zip(seen);
        let plans = plans.map(async |((task, record), seen)| {
            let check = MigrationCheck {
                cluster,
                args: self.args,
                objects: self.objects,
                task: &task,
                seen: &seen,
            };
            let result = check_task(order, check, &record).await;
            let (checked, plan) = match result {
                Ok((checked, plan)) => (checked, Ok(plan)),
                Err(refusal) => (Checked::default(), Err(refusal)),
            };
            let change = PlannedChange {
                record,
                seen,
                plan,
                shown: None,
            };
            Planned {
                task,
                checked,
                change,
            }
        });
        stream::iter(plans)
            .buffered(MAX_CONCURRENT_GROUPS)
            .collect()
            .await
    }

    async fn carry_out(&self, by: &str, planned: Vec<Planned>) -> Vec<ChangeOutcome> {
        let spinner = Spinner::new(&self.env.streams);
        let said = Mutex::new(BTreeSet::new());
        let report = |name: &str, why: &str| {
            let line = format!("waiting: {name}: {why}");
            if spinner.is_visible() {
                spinner.show(&line);
            } else if let Ok(mut said) = said.lock()
                && said.insert(line.clone())
            {
                self.env.streams.say(&line);
            }
        };
        let outcomes = planned.into_iter().map(|planned| {
            let report = &report;
            async move {
                let Planned {
                    task,
                    checked,
                    change,
                } = planned;
                let outcome = |result| ChangeOutcome::new(change.record.id(), result);
                let words = match change.plan {
                    Err(refusal) => return outcome(ChangeResult::Refused(refusal)),
                    Ok(ChangePlan::Unchanged(words)) => {
                        return outcome(ChangeResult::Unchanged(words));
                    }
                    Ok(ChangePlan::Left(why)) => return outcome(ChangeResult::Left(why)),
                    Ok(ChangePlan::Change(write)) => write.words,
                };
                let migration = Migration {
                    cluster: self.cluster,
                    args: self.args,
                    task: &task,
                    checked: &checked,
                    by,
                };
                match (self.args.change.dry_run.mode, &task.from) {
                    (DryRun::None, _) => {
                        let name = task.target().to_string();
                        migration.run(|why| report(&name, why)).await
                    }
                    (DryRun::Server, Some(from)) => {
                        let done = migration.dry_run(from).await;
                        outcome(match done {
                            Ok(()) => ChangeResult::WouldChange(words),
                            Err(error) => ChangeResult::Failed(explain(self.cluster, &error)),
                        })
                    }
                    _ => outcome(ChangeResult::WouldChange(words)),
                }
            }
        });
        stream::iter(outcomes)
            .buffer_unordered(MAX_CONCURRENT_GROUPS)
            .collect()
            .await
    }
}

impl Planned {
    fn has_misled_clients(&self) -> bool {
        let is_to_split = self.task.to_kind.info().carrier == Carrier::Split;
        self.change.is_change() && !self.task.is_cancel && (self.checked.has_profile || is_to_split)
    }
}

/// Returns what to do for one group, in words.
async fn check_task(
    order: &MigrateOrder<'_>,
    check: MigrationCheck<'_>,
    record: &Record,
) -> Result<(Checked, ChangePlan), Refusal> {
    let task = check.task;
    let change = |words: String| ChangePlan::build(Change::builder().build(), words);
    let target = format!("{}/{}", task.to_kind.info().name, task.to_name);
    let is_asked = |kind: &&dyn Kind| std::ptr::eq(kind.info(), task.to_kind.info());
    if let Some(wanted) = order.args.to.as_deref().filter(|_| !order.args.undo)
        && !kinds_called(wanted).iter().any(is_asked)
    {
        let reason = format!("--to {wanted}: a migration to {target} was made or begun");
        let undo = command_on("migrate", &record.id(), &check.seen.place);
        return Err(Refusal::new(
            reason,
            format!("undo it first: {undo} --undo"),
        ));
    }
    match &task.from {
        None if !record.is_controlled() => {
            let words = change(format!("becomes {target}, which is not a group yet"))?;
            Ok((Checked::default(), words))
        }
        None => {
            let from = record.meta.migrated_from();
            let from = from.map(|from| format!("{}/{}", from.kind, from.name));
            if let (Some(from), true) = (&from, check.is_split_by_profile(record).await) {
                let words = change(format!("replaces {from}, once its ServiceProfile has gone"))?;
                return Ok((Checked::default(), words));
            }
            let words = match from {
                Some(from) => format!("already replaces {from}"),
                None if order.args.undo => "already a TrafficSplit".to_owned(),
                None => "already a route".to_owned(),
            };
            Ok((Checked::default(), ChangePlan::Unchanged(words)))
        }
        Some(from) if task.is_cancel => {
            let (kind, name) = (from.kind.info().name, &from.meta.name);
            let words =
                format!("stays as it is; {kind}/{name}, which was to replace it, is deleted");
            Ok((Checked::default(), change(words)?))
        }
        Some(from) => {
            order.plan(check.seen)?;
            let made = from.meta.migrated_from();
            if order.args.undo && made.is_none() && task.to.is_none() {
                return Err(Refusal::new(
                    "it was not made by migrate",
                    "create a TrafficSplit with create, and delete the route",
                ));
            }
            let checked = check.run(from).await?;
            Ok((checked, change(format!("becomes {target}"))?))
        }
    }
}
