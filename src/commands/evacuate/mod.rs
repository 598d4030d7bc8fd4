//! `evacuate`: takes all traffic away from a cluster, in one context or several.

pub mod bring_back;
mod campaign;
mod commands;
mod gather;
mod identifier;
mod orders;
mod permissions;
mod ready;
mod report;
mod rows;
mod warnings;

use jiff::Timestamp;

use campaign::{Campaign, ContextTargets};
use commands::{Call, Commands};
use gather::{ContextFacts, Gathered, gather};
use orders::{EVACUATE_READS, EvacuateOrder};

use super::env::CommandEnv;
use crate::changes::order::{Order, check_duration, expiry};
use crate::cli::EvacuateArgs;
use crate::commands::args::members::ContextMembers;
use crate::model::AvoidEntry;
use crate::model::fold::name_some;
use crate::problem::Exit;
use crate::resource::Record;

pub async fn run(env: &CommandEnv, args: &EvacuateArgs) -> anyhow::Result<Exit> {
    let gathered = gather(env, &args.many).await?;
    for context in &gathered.contexts {
        check_duration(&context.cluster, args.duration)?;
    }
    let records = gathered.contexts.iter().map(|it| it.records.as_slice());
    let local_names = &args.many.local_names.local_name;
    let survey = gathered.survey(local_names, records, EVACUATE_READS);
    let (members, facts) = survey.await?;
    let cluster = gathered.resolve(env, &members, &args.evacuated)?;
    let id = match &args.id {
        Some(id) => {
            identifier::refuse_other_cluster(&gathered, &members, &cluster, id)?;
            id.clone()
        }
        None => identifier::choose(&env.streams, &gathered, &members, &cluster),
    };
    let before = gathered.entries().filter(|(.., entry)| entry.id == id);
    let before = before.max_by_key(|(.., entry)| entry.at);
    let before = before.map(|(.., entry)| entry);
    // What is not given stays what it was.
    let reason = args.reason.as_ref();
    let reason = reason.or(before.and_then(|entry| entry.reason.as_ref()));
    let now = gathered.contexts.first().map(|it| it.at);
    let standing = before.filter(|entry| now.is_some_and(|now| !entry.is_over(now)));
    let call = Call::Evacuate {
        args,
        stood_before: standing.is_some(),
    };
    let until = standing
        .and_then(|entry| entry.until)
        .filter(|_| args.duration.is_none());
    let orders = members.iter().map(|members| EvacuateOrder {
        cluster: &cluster,
        id: &id,
        reason,
        duration: args.duration,
        until,
        allow: &args.allow,
        members,
    });
    let orders: Vec<EvacuateOrder> = orders.collect();
    let targets = targets(&gathered, facts, &members, &cluster);
    let expires = now.and_then(|now| expiry(now, args.duration)).or(until);
    let by = gathered.contexts.first().map(|it| it.by.as_str());
    let notes = before
        .zip(now)
        .map(|(known, now)| match known.is_over(now) {
            true => vec![starts_again(known, expires)],
            false => differences(known, by, expires, reason.map(String::as_str)),
        });
    let doubts: Vec<String> = unreadable(&gathered, &targets).into_iter().collect();
    Campaign {
        notes: notes.into_iter().flatten().chain(doubts.clone()).collect(),
        doubts,
        env,
        many: &args.many,
        gathered: &gathered,
        members: &members,
        cluster: &cluster,
        id: &id,
        orders: orders.iter().map(|order| order as &dyn Order).collect(),
        until: expires,
        reason: reason.map(String::as_str),
        commands: Commands::new(&gathered, call, &cluster, &id),
        wait: None,
    }
    .run(targets)
    .await
}

/// Names the groups whose evacuations cannot be read.
fn unreadable(gathered: &Gathered, targets: &[ContextTargets]) -> Option<String> {
    let contexts = gathered.contexts.iter().zip(targets);
    let broken = contexts.flat_map(|(context, of)| {
        let broken = of.targets.iter().filter(|target| {
            let group = target.record.group.as_ref();
            group.is_ok_and(|group| group.avoid.broken.is_some())
        });
        broken.map(|target| format!("{} {}", context.cluster.context, target.record.id()))
    });
    let broken: Vec<String> = broken.collect();
    (!broken.is_empty()).then(|| {
        format!(
            "warning: the annotation failover.linkerd.io/avoid of {} cannot be read: earlier \
             evacuations in it, if any, are lost",
            name_some(broken.into_iter())
        )
    })
}

/// Says that an evacuation that has expired starts again, and when it ends.
fn starts_again(known: &AvoidEntry, until: Option<Timestamp>) -> String {
    let expired = known.until.map(|at| format!(" at {at:.0}"));
    let end = match until {
        Some(until) => format!("and expires at {until:.0}"),
        None => "and does not expire (--duration limits it)".to_owned(),
    };
    let expired = expired.unwrap_or_default();
    format!("{} expired{expired}: it starts again, {end}", known.id)
}

/// Says what running an evacuation again changes on it.
fn differences(
    known: &AvoidEntry,
    by: Option<&str>,
    until: Option<Timestamp>,
    reason: Option<&str>,
) -> Vec<String> {
    let spell = |until: Option<Timestamp>| match until {
        Some(until) => format!("{until:.0}"),
        None => "never".to_owned(),
    };
    let quote = |reason: Option<&str>| reason.unwrap_or("none").to_owned();
    let mut notes = Vec::new();
    if by.is_some_and(|by| by != known.by) {
        let author = known.author();
        notes.push(format!(
            "{} is an evacuation by {author}: this goes on with it",
            known.id
        ));
    }
    if known.until != until {
        let (from, to) = (spell(known.until), spell(until));
        notes.push(format!("expiry changed from {from} to {to}"));
    }
    if known.reason.as_deref() != reason {
        let (from, to) = (quote(known.reason.as_deref()), quote(reason));
        notes.push(format!("reason changed from {from} to {to}"));
    }
    notes
}

/// Returns the groups of each context that have, or may have, a backend in the cluster.
fn targets(
    gathered: &Gathered,
    facts: Vec<ContextFacts>,
    members: &[ContextMembers],
    cluster: &str,
) -> Vec<ContextTargets> {
    let contexts = gathered.contexts.iter().zip(facts).zip(members);
    contexts
        .map(|((context, facts), members)| {
            let there = |record: &Record| there(record, members, cluster);
            ContextTargets::of(&context.records, facts, there)
        })
        .collect()
}

/// Returns the indexes of a group's backends that are, or may be, in the cluster; none if the group
/// is not concerned.
fn there(record: &Record, members: &ContextMembers, cluster: &str) -> Option<Vec<usize>> {
    let namespace = &record.meta.namespace;
    let Ok(group) = &record.group else {
        // Its backends are not known.
        let may_be_there =
            members.own.name == cluster || members.residences.mirrors_in(namespace, cluster);
        return may_be_there.then(Vec::new);
    };
    let found = members.backends_in(group, cluster);
    let mut there = [found.whole, found.part].concat();
    there.extend(found.unknown.iter().filter(|index| {
        let backend = group.backends.get(**index);
        backend.is_some_and(|it| members.residences.error(&it.service.namespace).is_some())
    }));
    (!there.is_empty()).then_some(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_running_it_again_changes_is_said() {
        let until = |text: &str| text.parse().ok();
        let known = AvoidEntry {
            id: "CHG-77".into(),
            by: "admin@vm".into(),
            until: until("2026-11-26T21:48:12Z"),
            ..AvoidEntry::default()
        };
        let same = differences(&known, Some("admin@vm"), known.until, None);
        assert!(same.is_empty(), "{same:?}");
        assert_eq!(
            starts_again(&known, None),
            "CHG-77 expired at 2026-11-26T21:48:12Z: it starts again, and does not expire \
             (--duration limits it)"
        );
        let later = until("2026-11-27T01:48:12Z");
        assert_eq!(
            starts_again(&known, later),
            "CHG-77 expired at 2026-11-26T21:48:12Z: it starts again, and expires at \
             2026-11-27T01:48:12Z"
        );
        assert_eq!(
            differences(&known, Some("bob@vm"), later, Some("disks")),
            [
                "CHG-77 is an evacuation by admin@vm: this goes on with it",
                "expiry changed from 2026-11-26T21:48:12Z to 2026-11-27T01:48:12Z",
                "reason changed from none to disks",
            ]
        );
    }
}
