//! The evacuations that stand, for the lines above the table. Where backends are is read only if
//! there are any.

use std::collections::HashMap;

use jiff::Timestamp;

use super::print::StatusPage;
use crate::cli::StatusFormat;
use crate::commands::args::members;
use crate::commands::args::members::ContextGroups;
use crate::model::evacuations::{DatedGroup, evacuations};
use crate::model::{AvoidStatus, GroupId, Status};
use crate::view::status::evacuations::lines;

/// The groups of one context.
#[derive(Clone, Copy)]
pub struct ShownGroups<'a> {
    pub groups: ContextGroups<'a>,
    pub statuses: &'a [Status],
}

/// Writes the lines, if the format is for people. `flags` are those by which a suggested command
/// reaches the same contexts, in all namespaces.
pub async fn print(
    page: &StatusPage,
    contexts: &[ShownGroups<'_>],
    flags: &str,
) -> anyhow::Result<()> {
    let is_table = matches!(page.format, StatusFormat::Table | StatusFormat::Wide);
    let stands = |status: &Status| status.avoid.iter().any(AvoidStatus::is_left);
    let mut statuses = contexts.iter().flat_map(|it| it.statuses);
    if !is_table || !statuses.any(stands) {
        return Ok(());
    }
    let groups: Vec<ContextGroups> = contexts.iter().map(|it| it.groups).collect();
    let members = members::read(&groups, &[]).await?;
    let contexts = contexts.iter().zip(&members);
    let dated: Vec<DatedGroup> = contexts
        .flat_map(|(shown, members)| {
            let records = shown.groups.records.iter();
            let created = records.map(|it| (it.id(), it.meta.creation_timestamp));
            let created: HashMap<GroupId, Option<Timestamp>> = created.collect();
            let server = &shown.groups.cluster.server;
            shown.statuses.iter().map(move |status| DatedGroup {
                placed: members.placed(server, status),
                created: created.get(&status.id).copied().flatten(),
            })
        })
        .collect();
    let clock = groups.first().map(|it| it.cluster.clock().now());
    let now = clock.unwrap_or_else(Timestamp::now);
    let found = evacuations(&dated);
    let only = match groups.as_slice() {
        [only] => Some(only.cluster.context.as_str()),
        _ => None,
    };
    for evacuation in &found {
        for line in lines(evacuation, flags, only, now) {
            page.streams.print(&line)?;
        }
    }
    if !found.is_empty() {
        page.streams.print("")?;
    }
    Ok(())
}
