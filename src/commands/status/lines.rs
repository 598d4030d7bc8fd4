//! `status --watch` without a terminal: a line for each change.

use super::print::StatusPage;
use crate::cli::StatusFormat;
use crate::cluster::{Cluster, Clusters};
use crate::commands::args::query::place_in_context;
use crate::commands::args::selection::warn_of_forbidden;
use crate::model::{Status, StatusChange, status_change};
use crate::observe::{ObserveScope, Observer, Snapshot, UnknownName};
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::process::signals::Interrupts;
use crate::text::clean;
use crate::view::status::changes::{json_line, text_line};

/// Prints a line for each group, then one for each change, until a signal arrives or standard
/// output is closed.
pub async fn run(
    cluster: &Clusters,
    scope: ObserveScope,
    page: &StatusPage,
) -> anyhow::Result<Exit> {
    let streams = &page.streams;
    let mut interrupts = Interrupts::listen()?;
    let place = place_in_context(cluster, scope.namespace.as_deref());
    let mut observer = Observer::start(cluster, scope);
    let mut known: Option<Snapshot> = None;
    loop {
        let snapshot = tokio::select! {
            _ = interrupts.next() => return Ok(Exit::Done),
            () = streams.closed() => return Ok(Exit::Done),
            next = observer.next() => next?,
        };
        if known.is_none() {
            warn_of_forbidden(streams, cluster, observer.forbidden());
        }
        say_remarks(streams, known.as_ref(), &snapshot, &place);
        let before = known.as_ref().map(|known| known.statuses.as_slice());
        print_changes(cluster, &changes(before, &snapshot.statuses), page)?;
        known = Some(snapshot);
    }
}

pub fn changes(before: Option<&[Status]>, now: &[Status]) -> Vec<StatusChange> {
    match before {
        Some(before) => status_change::changes(before, now),
        None => status_change::initial(now),
    }
}

fn print_changes(
    cluster: &Cluster,
    changes: &[StatusChange],
    page: &StatusPage,
) -> anyhow::Result<()> {
    let at = cluster.clock().now();
    let streams = &page.streams;
    for change in changes {
        if page.format == StatusFormat::Json {
            streams.print(&json_line(change, &cluster.context, &cluster.reach, at)?)?;
        } else if change.is_transition() {
            streams.print(&text_line(change, at))?;
        }
    }
    Ok(())
}

/// Reports on standard error what is not a change of a group.
fn say_remarks(streams: &Streams, before: Option<&Snapshot>, now: &Snapshot, place: &str) {
    let was_lost = before.and_then(|before| before.lost.as_ref());
    match (was_lost, &now.lost) {
        (None, Some(lost)) => streams.say(&format!("connection lost: {}; reconnecting", lost.why)),
        (Some(_), None) => streams.say("reconnected"),
        _ => {}
    }
    if before.is_some() {
        return;
    }
    for UnknownName { name, .. } in &now.absent {
        streams.say(&format!(
            "there is no group {:?} in {place} yet",
            clean(&name.to_string())
        ));
    }
    if now.statuses.is_empty() && now.absent.is_empty() {
        streams.say(&format!("no groups in {place} yet"));
    }
}
