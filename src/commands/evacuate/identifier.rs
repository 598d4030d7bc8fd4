//! The identifier of an evacuation: a new one, or that of one that was not finished.

use jiff::Timestamp;

use super::gather::Gathered;
use crate::commands::args::members::ContextMembers;
use crate::model::{AvoidEntry, Group};
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::text::clean;

/// A cluster's name may be longer than an identifier.
const MAX_NAME_CHARS: usize = 40;

/// Returns the identifier of the last evacuation of the cluster by the same user, if one stands;
/// else a new one.
pub fn choose(
    streams: &Streams,
    gathered: &Gathered,
    members: &[ContextMembers],
    cluster: &str,
) -> String {
    let own = gathered.entries().filter(|(context, record, entry)| {
        let Some(context_records) = gathered.contexts.get(*context) else {
            return false;
        };
        let group = record.group.as_ref().ok().zip(members.get(*context));
        context_records.by == entry.by
            && !entry.id.is_empty()
            && !entry.is_over(context_records.cluster.clock().now())
            && group.is_some_and(|(group, members)| {
                let mut backends = group.backends.iter();
                backends.any(|it| entry.names(&it.name)) && is_in(group, entry, members, cluster)
            })
    });
    let known = own.map(|(.., entry)| (entry.at, &entry.id)).max();
    if let Some((_, id)) = known {
        streams.say(&format!("going on with evacuation {}", clean(id)));
        return id.clone();
    }
    let clock = gathered.contexts.first().map(|it| it.cluster.clock().now());
    let now = clock.unwrap_or_else(Timestamp::now);
    let prefix: String = cluster.chars().take(MAX_NAME_CHARS).collect();
    format!("{prefix}-{}", now.strftime("%Y%m%d-%H%M"))
}

/// # Errors
/// If an evacuation of another cluster has the identifier: `return` could not tell them apart.
pub fn refuse_other_cluster(
    gathered: &Gathered,
    members: &[ContextMembers],
    cluster: &str,
    id: &str,
) -> Result<(), Problem> {
    let other = gathered.entries().find(|(context, record, entry)| {
        let group = record.group.as_ref().ok().zip(members.get(*context));
        entry.id == id
            && group.is_some_and(|(group, members)| !is_in(group, entry, members, cluster))
    });
    let Some((_, record, entry)) = other else {
        return Ok(());
    };
    Err(Problem::usage(format!(
        "{} is an evacuation of another cluster: {} avoids {}",
        clean(id),
        record.id(),
        clean(&entry.backends.join(", "))
    ))
    .next("nothing was changed")
    .next("choose another --id"))
}

/// Whether the backends that an entry names are in the cluster, as far as the group has them.
pub fn is_in(group: &Group, entry: &AvoidEntry, members: &ContextMembers, cluster: &str) -> bool {
    let found = members.backends_in(group, cluster);
    let there = [found.whole, found.part, found.unknown].concat();
    let mut backends = group.backends.iter().enumerate();
    backends.all(|(index, backend)| !entry.names(&backend.name) || there.contains(&index))
}
