//! `return`: brings back the traffic that an evacuation took away, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use super::campaign::{Campaign, ContextTargets};
use super::commands::{Call, Commands};
use super::gather::{Gathered, gather};
use super::identifier::is_in;
use super::orders::ReturnOrder;
use super::ready::ReadinessWait;
use crate::changes::order::Order;
use crate::changes::preflight::PreflightReads;
use crate::cli::ReturnArgs;
use crate::commands::args::members::ContextMembers;
use crate::commands::env::CommandEnv;
use crate::model::AvoidEntry;
use crate::problem::{Exit, Problem};
use crate::resource::Record;
use crate::text::clean;

pub async fn run(env: &CommandEnv, args: &ReturnArgs) -> anyhow::Result<Exit> {
    let gathered = gather(env, &args.many).await?;
    let Some(id) = &args.id else {
        return Err(without_id(env, &gathered, args).await?.into());
    };
    let records = evacuated(&gathered, id);
    let local_names = &args.many.local_names.local_name;
    let concerned = records.iter().map(Vec::as_slice);
    let survey = gathered.survey(local_names, concerned, PreflightReads::default());
    let (members, facts) = survey.await?;
    let cluster = gathered.resolve(env, &members, &args.evacuated)?;
    if records.iter().all(Vec::is_empty) {
        return nothing_to_return(env, &gathered, &cluster, id);
    }
    let same = |cluster: &str| {
        let call = Call::of_return(args);
        Commands::new(&gathered, call, cluster, id).go_on(&[])
    };
    refuse_other_cluster(&records, &members, &cluster, id, same)?;
    let has_timed_out = AtomicBool::new(false);
    let order = ReturnOrder {
        id,
        allow: &args.allow,
        waits: args.when_ready,
        has_timed_out: &has_timed_out,
    };
    let entry = gathered.entries().find(|(.., entry)| entry.id == *id);
    let ended = entry.map(|(.., entry)| entry);
    let call = Call::Return {
        args,
        ended,
        now: gathered.contexts.first().map(|it| it.at),
    };
    let targets = records.iter().zip(facts).map(|(records, facts)| {
        ContextTargets::of(records, facts, |record| Some(there(record, id)))
    });
    let targets = targets.collect();
    Campaign {
        notes: Vec::new(),
        doubts: Vec::new(),
        env,
        many: &args.many,
        gathered: &gathered,
        members: &members,
        cluster: &cluster,
        id,
        orders: members.iter().map(|_| &order as &dyn Order).collect(),
        until: None,
        reason: ended.and_then(|entry| entry.reason.as_deref()),
        commands: Commands::new(&gathered, call, &cluster, id),
        wait: args.when_ready.then_some(ReadinessWait {
            limit: args.timeout,
            has_timed_out: &has_timed_out,
        }),
    }
    .run(targets)
    .await
}

/// Lists the evacuations of the cluster, since none is named.
async fn without_id(
    env: &CommandEnv,
    gathered: &Gathered,
    args: &ReturnArgs,
) -> Result<Problem, Problem> {
    let members = gathered.members(&args.many.local_names.local_name).await?;
    let cluster = gathered.resolve(env, &members, &args.evacuated)?;
    let mut found: BTreeMap<&str, (&AvoidEntry, usize)> = BTreeMap::new();
    for (context, record, entry) in gathered.entries() {
        let is_there = || {
            let group = record.group.as_ref().ok().zip(members.get(context));
            group.is_some_and(|(group, members)| is_in(group, entry, members, &cluster))
        };
        let is_of_cluster = entry.cluster.as_ref().map(|name| *name == cluster);
        if is_of_cluster.unwrap_or_else(is_there) {
            found.entry(&entry.id).or_insert((entry, 0)).1 += 1;
        }
    }
    let message = format!(
        "add --id to say which evacuation of {} to end",
        clean(&cluster)
    );
    if found.is_empty() {
        let none = format!("no group is evacuated from {}", clean(&cluster));
        let problem = Problem::usage(message).next(none);
        return Ok(problem.next_all(gathered.unread_lines()));
    }
    let lines = found.into_iter().map(|(id, (entry, count))| {
        let call = Call::of_return(args);
        let command = Commands::new(gathered, call, &cluster, id).go_on(&[]);
        let groups = if count == 1 { "group" } else { "groups" };
        let reason = entry.reason.iter().map(|reason| format!(": {reason}"));
        let reason: String = reason.collect();
        clean(&format!(
            "{id} by {} ({count} {groups}{reason}): {command}",
            entry.author()
        ))
    });
    Ok(Problem::usage(message).next_all(lines))
}

/// Returns the groups of each context that the evacuation concerns.
fn evacuated(gathered: &Gathered, id: &str) -> Vec<Vec<Record>> {
    let contexts = gathered.contexts.iter();
    contexts
        .map(|context| {
            let concerned = context.records.iter().filter(|record| {
                let mut entries = record.group.iter().flat_map(|group| &group.avoid.entries);
                entries.any(|entry| entry.id == id)
            });
            concerned.cloned().collect()
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
    let mut problem = Problem::new(message);
    if !known.is_empty() {
        problem = problem
            .did_you_mean(id, names())
            .there_are("evacuations", names());
    }
    Err(problem.next_all(gathered.unread_lines()).into())
}

/// # Errors
/// If no backend that the evacuation avoids is in the cluster.
fn refuse_other_cluster(
    records: &[Vec<Record>],
    members: &[ContextMembers],
    cluster: &str,
    id: &str,
    same: impl Fn(&str) -> String,
) -> Result<(), Problem> {
    let mut others = BTreeSet::new();
    let mut clusters = BTreeSet::new();
    for (records, members) in records.iter().zip(members) {
        for record in records {
            let Ok(group) = &record.group else { continue };
            let found = members.backends_in(group, cluster);
            let entries = group.avoid.entries.iter().filter(|entry| entry.id == id);
            clusters.extend(entries.filter_map(|entry| entry.cluster.as_deref()));
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
    let join = |names: &BTreeSet<&str>| clean(&Vec::from_iter(names.iter().copied()).join(", "));
    let (id, cluster) = (clean(id), clean(cluster));
    let what = match clusters.len() {
        0 => format!(
            "{id} is not an evacuation of {cluster}: the groups avoid {}",
            join(&others)
        ),
        _ => format!(
            "{id} is an evacuation of {}, not of {cluster}",
            join(&clusters)
        ),
    };
    let commands = clusters
        .iter()
        .map(|it| format!("to return it: {}", same(it)));
    let unnamed = "name the cluster that was evacuated".to_owned();
    let unnamed = clusters.is_empty().then_some(unnamed);
    Err(Problem::usage(what)
        .next("nothing was changed")
        .next_all(commands.chain(unnamed)))
}
