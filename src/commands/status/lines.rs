use super::StatusPage;
use crate::cli::StatusFormat;
use crate::cluster::{Cluster, Clusters};
use crate::commands::args::selection::{place_of, say_forbidden};
use crate::model::{Status, StatusChange, status_change};
use crate::observe::{ObserveScope, Observer, Snapshot, UnknownName};
use crate::output::streams::Streams;
use crate::output::terminal::say;
use crate::problem::Exit;
use crate::process::signals::Interrupts;
use crate::text::clean;
use crate::view::changes::{json_line, text_line};

/// Prints a line for each group as it is, then one for each change, until a signal comes or
/// nobody reads them any more.
pub async fn run(
    cluster: &Clusters,
    scope: ObserveScope,
    page: StatusPage,
) -> anyhow::Result<Exit> {
    let streams = Streams::process();
    let mut interrupts = Interrupts::listen()?;
    let place = place_of(cluster, scope.namespace.as_deref());
    let mut observer = Observer::start(cluster, scope);
    let mut known: Option<Snapshot> = None;
    loop {
        let sight = tokio::select! {
            _ = interrupts.next() => return Ok(Exit::Done),
            () = streams.closed() => return Ok(Exit::Done),
            sight = observer.next() => sight?,
        };
        if known.is_none() {
            say_forbidden(cluster, observer.forbidden());
        }
        remark(known.as_ref(), &sight, &place);
        let before = known.as_ref().map(|sight| sight.statuses.as_slice());
        tell(cluster, &changes(before, &sight.statuses), page.format)?;
        known = Some(sight);
    }
}

pub fn changes(before: Option<&[Status]>, now: &[Status]) -> Vec<StatusChange> {
    match before {
        Some(before) => status_change::changes(before, now),
        None => status_change::initial(now),
    }
}

fn tell(cluster: &Cluster, changes: &[StatusChange], format: StatusFormat) -> anyhow::Result<()> {
    let at = cluster.clock().now();
    let streams = Streams::process();
    for change in changes {
        if format == StatusFormat::Json {
            streams.print(&json_line(change, &cluster.context, &cluster.reach, at)?)?;
        } else if change.is_transition() {
            streams.print(&text_line(change, at))?;
        }
    }
    Ok(())
}

/// What is no change of a group goes to standard error.
fn remark(before: Option<&Snapshot>, now: &Snapshot, place: &str) {
    let was_lost = before.and_then(|sight| sight.lost.as_ref());
    match (was_lost, &now.lost) {
        (None, Some(lost)) => say(&format!("connection lost: {}; trying again", lost.why)),
        (Some(_), None) => say("connected again"),
        _ => {}
    }
    if before.is_some() {
        return;
    }
    for UnknownName { name, .. } in &now.absent {
        say(&format!(
            "there is no group {:?} in {place} yet",
            clean(&name.to_string())
        ));
    }
    if now.statuses.is_empty() && now.absent.is_empty() {
        say(&format!("no groups in {place} yet"));
    }
}
