//! What `status` says of the backends that a group's traffic keeps off: who ordered it, why, since
//! when and until when.

use jiff::Timestamp;

use crate::model::{AvoidEffect, AvoidEntry, AvoidStatus, Runner, Status};
use crate::text::clean;
use crate::view::age::age;

/// Returns a sentence for each entry. With `now`, they say how long ago it was made.
pub fn sentences(status: &Status, now: Option<Timestamp>) -> String {
    let entries = status.avoid.iter();
    let sentences = entries.map(|entry| format!("{}. ", clean(&words(entry, &status.runner, now))));
    sentences.collect()
}

/// Such as `Evacuated: web-svc-east, by admin@vm, 12m ago (CHG-77: maintenance)`.
fn words(
    AvoidStatus { entry, effect }: &AvoidStatus,
    runner: &Runner,
    now: Option<Timestamp>,
) -> String {
    let ordered = ordered(entry, now);
    match effect {
        AvoidEffect::InForce => ordered,
        AvoidEffect::Resting => {
            format!("{ordered}, but no other backend can take the traffic")
        }
        AvoidEffect::NoBackend => format!("{ordered}, but the group has no such backend"),
        AvoidEffect::Expired => {
            let yet = match runner {
                Runner::Unattended => "no watch is running to end it",
                Runner::Upstream => "Linkerd's controller does not end it",
                Runner::Watch(_) | Runner::Late(_) | Runner::Unknown => "it has not been ended yet",
            };
            format!("{ordered}, expired: {yet}")
        }
    }
}

/// Who ordered it, when, until when and why.
fn ordered(entry: &AvoidEntry, now: Option<Timestamp>) -> String {
    let (backends, by) = (entry.backends.join(", "), entry.author());
    let ago = entry.at.zip(now);
    let ago = ago.map(|(at, now)| format!(", {} ago", age(at, now)));
    let until = entry.until.map(|until| format!(", until {until:.0}"));
    let [ago, until] = [ago, until].map(Option::unwrap_or_default);
    format!(
        "Evacuated: {backends}, by {by}{ago}{until}{}",
        entry.purpose()
    )
}
