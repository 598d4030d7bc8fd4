//! The orders on a group as they were shown with the question: an answer speaks of those, not of what others have
//! ordered since.

use super::order::Refusal;
use crate::cluster::Cluster;
use crate::model::{Override, OverrideState, Pause};
use crate::resource::Record;
use crate::resource::annotations::{OVERRIDE, PAUSED, PRIMARY_SERVICE};
use crate::text::command_on;

/// The annotations that hold a group's orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    order: Option<String>,
    pause: Option<String>,
    primary: Option<String>,
}

impl Precondition {
    pub fn of(record: &Record) -> Self {
        let value = |key| record.meta.annotations.get(key).map(str::to_owned);
        Self {
            order: value(OVERRIDE),
            pause: value(PAUSED),
            primary: value(PRIMARY_SERVICE),
        }
    }

    /// Refuses where the orders on the group are others by now.
    ///
    /// # Errors
    /// Where that is so.
    pub fn refuse_changed(&self, cluster: &Cluster, record: &Record) -> Result<(), Refusal> {
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
        if now.pause != self.pause {
            let pause = record
                .group
                .as_ref()
                .ok()
                .and_then(|group| group.paused.as_ref());
            changes.push(pause.map_or_else(
                || "now not paused".to_owned(),
                |pause| format!("now {}", paused(pause)),
            ));
        }
        let place = cluster.reach.for_plugin(&record.meta.namespace);
        Err(Refusal {
            danger: None,
            may_pass: false,
            reason: format!(
                "it was changed while you were asked: {}",
                changes.join(", ")
            ),
            next: format!(
                "run it again to be asked anew; to look first: {}",
                command_on("status", &record.id(), &place)
            ),
        })
    }
}

fn order_now(record: &Record) -> String {
    match record
        .group
        .as_ref()
        .ok()
        .and_then(|group| group.order.as_ref())
    {
        Some(OverrideState::Standing { order, .. }) => format!("now forced to {}", target(order)),
        Some(OverrideState::Broken { .. }) => "now under a broken override".to_owned(),
        None => "now not forced".to_owned(),
    }
}

/// `web-east by admin@vm until …`, as "forced to" or "the force to" goes before it.
pub fn target(order: &Override) -> String {
    let until = order
        .until
        .map(|until| format!(" until {until:.0}"))
        .unwrap_or_default();
    format!("{} by {}{until}", order.to, someone(&order.by))
}

/// `paused by admin@vm until …`.
pub fn paused(pause: &Pause) -> String {
    let until = pause
        .until
        .map(|until| format!(" until {until:.0}"))
        .unwrap_or_default();
    format!("paused by {}{until}", someone(&pause.by))
}

fn someone(by: &str) -> &str {
    if by.is_empty() { "someone" } else { by }
}
