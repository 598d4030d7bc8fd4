//! What `status` says of groups that are at home but have no net: nothing would take the place of
//! the backend that carries the traffic.

use super::next_step::{NextStep, cover};
use super::note_line::{Note, NoteLine};
use super::steps_for_all::steps;
use super::table::TableStyle;
use crate::model::fold::{MAX_SINGLE_GROUPS, fold, groups_named, name_first};
use crate::model::roles::Roles;
use crate::model::{BackendStatus, Exposure, Runner, State, Status};
use crate::text::{ConnectionFlags, clean};
use crate::view::columns::Colour;
use crate::view::command_for_all::Others;

/// A group that lacks something, and what to type.
struct Exposed<'a> {
    status: &'a Status,
    what: Exposure,
    roles: Roles,
    next: Option<NextStep>,
}

/// Whether a group has a part in the lines of [`notes`].
pub fn is_noted(status: &Status) -> bool {
    let is_at_home = matches!(status.state, State::Primary | State::Active);
    is_at_home && status.order.is_none() && status.exposure().is_some()
}

/// Returns a sentence for the note of a group that has one. A note that nothing is written or moved
/// already says that no watch is running.
pub fn sentence(status: &Status) -> Option<String> {
    let is_well = matches!(
        status.state,
        State::Primary | State::Active | State::Overridden
    );
    let primary = status.primary.as_deref().unwrap_or_default();
    let what = status.exposure();
    let what = what.filter(|what| is_well || *what == Exposure::NoFallback);
    let net = what.map(|what| words("No", what, primary));
    let watch = without_watch(status).filter(|_| what != Some(Exposure::NoWatch));
    let both: Vec<String> = net.into_iter().chain(watch).collect();
    (!both.is_empty()).then(|| both.join(" "))
}

/// Says that no watch is running, of a group that is away from home.
fn without_watch(status: &Status) -> Option<String> {
    let primary = status.primary.as_deref()?;
    let has_standby = status.backends.iter().any(BackendStatus::is_standby);
    let nothing = match status.state {
        _ if status.runner != Runner::Unattended => return None,
        State::Overridden if !has_standby => {
            format!("if {primary} fails, nothing will fail over")
        }
        // The end of an evacuation needs no watch.
        State::Failover if !status.flags.held && status.avoids_primary().is_none() => {
            format!("when {primary} is ready again, nothing will fail back")
        }
        _ => return None,
    };
    Some(format!("No watch is running: {nothing}."))
}

/// `no` begins the sentence.
fn words(no: &str, what: Exposure, primary: &str) -> String {
    match what {
        Exposure::NoFallback => {
            format!("{no} fallback is ready: if {primary} fails, traffic has nowhere to go.")
        }
        Exposure::NoWatch => {
            format!("{no} watch is running: if {primary} fails, nothing will fail over.")
        }
    }
}

/// Returns a line for each cause and next step; for many groups, a line for each cause.
pub fn notes(
    statuses: &[Status],
    connection: &ConnectionFlags,
    style: TableStyle,
    others: Others,
    name: impl Fn(&Status) -> String,
) -> Vec<Note> {
    let exposed = statuses.iter().filter(|status| is_noted(status));
    let exposed = exposed.filter_map(|status| {
        Some(Exposed {
            status,
            what: status.exposure()?,
            roles: Roles::of_status(status),
            next: cover(status, connection),
        })
    });
    let by_cause = fold(
        exposed,
        |it| (!style.wide).then_some(it.what == Exposure::NoFallback),
        |_| MAX_SINGLE_GROUPS,
    );
    let (many, few): (Vec<_>, Vec<_>) = by_cause.into_iter().partition(|it| it.len() > 1);
    let few = fold(
        few.into_iter().flatten(),
        |it| {
            let command = it.next.as_ref().map(|next| next.command.clone());
            Some((it.what == Exposure::NoFallback, command))
        },
        |_| 1,
    );
    let few = few.iter().filter_map(|batch| {
        let names = batch.iter().map(|it| name(it.status));
        let names = name_first(MAX_SINGLE_GROUPS, names);
        let next = batch.first()?.next.clone();
        Some(note(batch, &names, Vec::from_iter(next)))
    });
    let many = many.iter().map(|batch| {
        let ids: Vec<_> = batch.iter().map(|it| &it.status.id).collect();
        let next = batch.iter();
        let next = next.filter_map(|it| Some((&it.status.id, &it.roles, it.next.as_ref()?)));
        let next = steps(&Vec::from_iter(next), others);
        note(batch, &groups_named(&ids), next)
    });
    many.chain(few).collect()
}

fn note(batch: &[Exposed], names: &str, next: Vec<NextStep>) -> Note {
    let primary = match batch {
        [only] => only.status.primary.as_deref().unwrap_or_default(),
        _ => "the primary",
    };
    let lines = batch.first().map(|it| {
        let text = format!("{names}: {}", words("no", it.what, primary));
        NoteLine::plain(clean(&text)).coloured(Colour::Yellow)
    });
    Note {
        lines: Vec::from_iter(lines),
        next,
    }
}
