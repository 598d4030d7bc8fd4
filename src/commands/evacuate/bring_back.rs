//! `return`: brings back the traffic that an evacuation took away, and no other.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use super::campaign::{Campaign, ContextTargets, Target};
use super::commands::Commands;
use super::gather::{ContextFacts, Gathered, gather};
use super::orders::ReturnOrder;
use super::ready::ReadinessWait;
use crate::changes::order::Order;
use crate::changes::preflight::PreflightReads;
use crate::cli::ReturnArgs;
use crate::commands::args::members::ContextMembers;
use crate::commands::env::CommandEnv;
use crate::problem::{Exit, Problem};
use crate::resource::Record;
use crate::text::clean;

pub async fn run(env: &CommandEnv, args: &ReturnArgs) -> anyhow::Result<Exit> {
    let gathered = gather(env, &args.many).await?;
    let records = evacuated(&gathered, &args.id);
    let local_names = &args.many.local_names.local_name;
    let concerned = records.iter().map(Vec::as_slice);
    let survey = gathered.survey(local_names, concerned, PreflightReads::default());
    let (members, facts) = survey.await?;
    let cluster = gathered.resolve(&members, &args.evacuated)?;
    if records.iter().all(Vec::is_empty) {
        return nothing_to_return(env, &gathered, &cluster, &args.id);
    }
    refuse_other_cluster(&records, &members, &cluster, &args.id)?;
    let has_timed_out = AtomicBool::new(false);
    let order = ReturnOrder {
        id: &args.id,
        allow: &args.many.allow,
        waits: args.when_ready,
        has_timed_out: &has_timed_out,
    };
    let entry = gathered.entries().find(|(.., entry)| entry.id == args.id);
    let reason = entry.and_then(|(.., entry)| entry.reason.clone());
    let commands = Commands::new(&gathered, &args.many, &cluster, &args.id);
    let targets = records.into_iter().zip(facts);
    let targets = targets.map(|(records, ContextFacts { seen, denied })| {
        let targets = records.into_iter().zip(seen);
        let targets = targets.map(|(record, seen)| Target {
            there: there(&record, &args.id),
            record,
            seen,
        });
        ContextTargets {
            targets: targets.collect(),
            denied,
        }
    });
    let targets = targets.collect();
    Campaign {
        notes: Vec::new(),
        env,
        many: &args.many,
        gathered: &gathered,
        members: &members,
        cluster: &cluster,
        id: &args.id,
        orders: members.iter().map(|_| &order as &dyn Order).collect(),
        until: None,
        reason: reason.as_deref(),
        go_on: commands.same_return(args.when_ready),
        undo: commands.evacuate(None, reason.as_deref()),
        wait: args.when_ready.then_some(ReadinessWait {
            limit: args.timeout,
            has_timed_out: &has_timed_out,
        }),
    }
    .run(targets)
    .await
}

/// Returns the groups of each context that the evacuation concerns.
fn evacuated(gathered: &Gathered, id: &str) -> Vec<Vec<Record>> {
    let contexts = gathered.contexts.iter();
    contexts
        .map(|context| {
            let mut records = context.records.clone();
            records.retain(|record| {
                let entries = record.group.iter().flat_map(|group| &group.avoid.entries);
                entries.clone().any(|entry| entry.id == id)
            });
            records
        })
        .collect()
}

/// Returns the indexes of the backends that the evacuation avoids.
fn there(record: &Record, id: &str) -> Vec<usize> {
    let group = record.group.iter();
    let there = group.flat_map(|group| {
        let mut entries = group.avoid.entries.iter();
        let entry = entries.find(|entry| entry.id == id);
        let backends = group.backends.iter().enumerate();
        let named = backends
            .filter(move |(_, backend)| entry.is_some_and(|entry| entry.names(&backend.name)));
        named.map(|(index, _)| index)
    });
    there.collect()
}

/// Fails if other evacuations stand, since the identifier may be a wrong one.
fn nothing_to_return(
    env: &CommandEnv,
    gathered: &Gathered,
    cluster: &str,
    id: &str,
) -> anyhow::Result<Exit> {
    let known: BTreeSet<&str> = gathered.entries().map(|(.., it)| it.id.as_str()).collect();
    let message = format!("no group is evacuated by {}", clean(id));
    if known.is_empty() && gathered.unread.is_empty() {
        env.streams.say(&format!(
            "{message}; nothing to return to {}",
            clean(cluster)
        ));
        return Ok(Exit::Done);
    }
    let names: Vec<String> = known.iter().map(|name| clean(name)).collect();
    let names = || names.iter().map(String::as_str);
    let unread = gathered.unread.iter();
    let unread = unread.flat_map(|it| it.problem.lines(&clean(&it.context)));
    let mut problem = Problem::new(message);
    if !known.is_empty() {
        problem = problem
            .did_you_mean(id, names())
            .there_are("evacuations", names());
    }
    Err(problem.next_all(unread).into())
}

/// # Errors
/// If no backend that the evacuation avoids is in the cluster.
fn refuse_other_cluster(
    records: &[Vec<Record>],
    members: &[ContextMembers],
    cluster: &str,
    id: &str,
) -> Result<(), Problem> {
    let mut others = BTreeSet::new();
    for (records, members) in records.iter().zip(members) {
        for record in records {
            let Ok(group) = &record.group else { continue };
            let found = members.backends_in(group, cluster);
            for index in there(record, id) {
                if [&found.whole, &found.part, &found.unknown]
                    .iter()
                    .any(|of| of.contains(&index))
                {
                    return Ok(());
                }
                others.insert(group.backend_name(index));
            }
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    let others: Vec<&str> = others.into_iter().collect();
    Err(Problem::usage(format!(
        "{} is no evacuation of {}: the groups avoid {}",
        clean(id),
        clean(cluster),
        clean(&others.join(", "))
    ))
    .next("nothing was changed")
    .next("name the cluster that was evacuated"))
}
