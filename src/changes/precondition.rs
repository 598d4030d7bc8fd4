//! The orders on a group when its prompt was shown. A confirmation holds only while they are the
//! same.

use jiff::Timestamp;

use super::refusal::Refusal;
use crate::cluster::Cluster;
use crate::model::{AvoidEntry, Override, OverrideState, Pause};
use crate::resource::Record;
use crate::resource::annotations::{AVOID, OVERRIDE, PAUSED, PRIMARY_SERVICE};
use crate::text::ConnectionFlags;
use crate::view::command_line::{command_on, return_command};

/// The annotations that hold a group's orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    order: Option<String>,
    avoid: Option<String>,
    pause: Option<String>,
    primary: Option<String>,
}

impl Precondition {
    pub fn of(record: &Record) -> Self {
        let value = |key| record.meta.annotations.get(key).map(str::to_owned);
        Self {
            order: value(OVERRIDE),
            avoid: value(AVOID),
            pause: value(PAUSED),
            primary: value(PRIMARY_SERVICE),
        }
    }

    /// # Errors
    /// If the orders on the group have changed.
    pub fn check(&self, cluster: &Cluster, record: &Record) -> Result<(), Refusal> {
        let now = Self::of(record);
        if now == *self {
            return Ok(());
        }
        let mut changes = Vec::new();
        if now.order != self.order {
            changes.push(order_now(record));
        } else if now.primary != self.primary {
            changes.push(format!(
                "its primary is now {}",
                now.primary.as_deref().unwrap_or("not set")
            ));
        }
        if now.avoid != self.avoid {
            changes.push(avoid_now(record));
        }
        if now.pause != self.pause {
            let group = record.group.as_ref().ok();
            changes.push(match group.and_then(|group| group.paused.as_ref()) {
                Some(pause) => format!("now {}", paused(pause)),
                None => "now not paused".to_owned(),
            });
        }
        let place = cluster.reach.for_plugin(&record.meta.namespace);
        let status = command_on("status", &record.id(), &place);
        Err(Refusal::new(
            format!("changed during the prompt: {}", changes.join(", ")),
            format!("run the command again; to look first: {status}"),
        ))
    }
}

fn order_now(record: &Record) -> String {
    let group = record.group.as_ref().ok();
    match group.and_then(|group| group.order.as_ref()) {
        Some(OverrideState::Valid { order, .. }) => format!("now forced to {}", target(order)),
        Some(OverrideState::Broken { .. }) => "now with a stale override".to_owned(),
        None => "now not forced".to_owned(),
    }
}

fn avoid_now(record: &Record) -> String {
    let group = record.group.as_ref().ok();
    let entries = group.map_or(&[][..], |group| &group.avoid.entries);
    let evacuated = entries.iter().map(|entry| {
        let backends = entry.backends.join(", ");
        format!("{backends} {}", evacuated(entry))
    });
    let evacuated: Vec<String> = evacuated.collect();
    match evacuated.join(", ") {
        none if none.is_empty() => "now not evacuated".to_owned(),
        entries => format!("now {entries}"),
    }
}

/// `evacuated by admin@vm until … (CHG-77: maintenance)`.
pub fn evacuated(entry: &AvoidEntry) -> String {
    let (by, purpose) = (signed(&entry.by, entry.until), entry.purpose());
    format!("evacuated by {by}{purpose}")
}

/// What to do before traffic can move to a backend that is evacuated. `flags` are those for the
/// context.
pub fn end_first(entry: &AvoidEntry, backend: &str, flags: &ConnectionFlags) -> String {
    let (by, purpose) = (signed(&entry.by, entry.until), entry.purpose());
    let end = return_command(entry, flags);
    format!(
        "{backend} is evacuated by {by}{purpose}; end that first, for all its groups in this context: {end}"
    )
}

/// `web-east by admin@vm until … (CHG-77: game day)`, to follow "forced to".
pub fn target(order: &Override) -> String {
    let (by, purpose) = (signed(&order.by, order.until), order.purpose());
    format!("{} by {by}{purpose}", order.to)
}

/// `paused by admin@vm until …`.
pub fn paused(pause: &Pause) -> String {
    format!("paused by {}", signed(&pause.by, pause.until))
}

/// Who gave an order, and until when it lasts.
fn signed(by: &str, until: Option<Timestamp>) -> String {
    let by = if by.is_empty() { "someone" } else { by };
    let until = until.map(|until| format!(" until {until:.0}"));
    format!("{by}{}", until.unwrap_or_default())
}
